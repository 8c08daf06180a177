// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package targettest

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Kind is one way in which a program is built.
type Kind struct {
	Toolchain string // a release of Go, which the go command fetches
	Stripped  bool
	PIE       bool
	Cgo       bool
}

// String is the kind less its release, such as "stripped PIE".
func (k Kind) String() string {
	words := []string{}
	for word, is := range map[string]bool{"stripped": k.Stripped, "PIE": k.PIE, "cgo": k.Cgo} {
		if is {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return "normal"
	}
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(b, a) })
	return strings.Join(words, " ")
}

//go:embed testdata/plain/main.go
var plainSource []byte

// BuildPlain compiles a server of the standard library.
func BuildPlain(t testing.TB, k Kind) (string, error) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"main.go": string(plainSource), "go.mod": "module plain\n\ngo 1.21\n"}
	environment := append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN="+k.Toolchain, "CGO_ENABLED=0")
	if k.Cgo {
		files["c.go"] = "package main\n\nimport \"C\"\n"
		environment = append(environment, "CGO_ENABLED=1")
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	arguments := []string{"build", "-o", "plain"}
	if k.Stripped {
		arguments = append(arguments, "-ldflags=-s -w")
	}
	if k.PIE {
		arguments = append(arguments, "-buildmode=pie")
	}
	command := exec.Command("go", append(arguments, ".")...)
	command.Dir, command.Env = dir, environment
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building with %s: %w\n%s", k.Toolchain, err, output)
	}
	return filepath.Join(dir, "plain"), nil
}

//go:embed testdata/health/main.go
var healthSource []byte

//go:embed testdata/streams/main.go
var streamsSource []byte

// BuildStreams compiles a server of HTTP/2 over TLS with the given release of Go,
// such as go1.21.13, which the go command downloads, and extra arguments to go
// build. The URL of what Start runs is where it serves, but for its scheme, https.
func BuildStreams(t testing.TB, release string, args ...string) string {
	t.Helper()
	return buildWith(t, release, "streams", streamsSource, args...)
}

//go:embed testdata/pools/main.go
var poolsSource []byte

// BuildPools likewise compiles a server that hands work to goroutines which are
// there already.
func BuildPools(t testing.TB, release string, args ...string) string {
	t.Helper()
	return buildWith(t, release, "pools", poolsSource, args...)
}

// buildWith compiles a program of the standard library alone.
func buildWith(t testing.TB, release, name string, source []byte, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	for file, content := range map[string][]byte{"main.go": source, "go.mod": []byte("module " + name + "\n\ngo 1.21\n")} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
	binary := filepath.Join(dir, name)
	command := exec.Command("go", append(append([]string{"build"}, args...), "-o", binary, ".")...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOTOOLCHAIN="+release, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "go build with %s: %s", release, output)
	return binary
}

// BuildHealth compiles a server of gRPC's health service with the given releases
// of gRPC, such as v1.68.2, and of Go, which the go command downloads. The URL of
// what Start runs is where it serves gRPC.
func BuildHealth(t testing.TB, release, toolchain string, args ...string) string {
	t.Helper()
	return buildRelease(t, module{"health", "1.21", toolchain, "google.golang.org/grpc@" + release},
		map[string][]byte{"main.go": healthSource}, args...)
}

//go:embed testdata/sdkspans/*.go
var sdkSources embed.FS

// complexSince is the first release of the SDK whose attributes have all types of
// complex.go.
const complexSince = "v1.47.0"

// BuildSDKSpans compiles a maker of random spans with the given release of the
// OpenTelemetry SDK, such as v1.24.0, which the go command downloads.
func BuildSDKSpans(t testing.TB, release string, args ...string) string {
	t.Helper()
	sources := map[string][]byte{}
	files, err := sdkSources.ReadDir("testdata/sdkspans")
	require.NoError(t, err)
	for _, file := range files {
		if file.Name() == "complex.go" && release != complexSince {
			continue
		}
		sources[file.Name()], err = sdkSources.ReadFile("testdata/sdkspans/" + file.Name())
		require.NoError(t, err)
	}
	return buildRelease(t, module{"sdkspans", "1.24", "auto", "go.opentelemetry.io/otel/sdk@" + release}, sources, args...)
}

// module is one of a program's own.
type module struct {
	name        string
	language    string // the least release of Go that it is for
	toolchain   string // that builds it, as in GOTOOLCHAIN
	requirement string // the release of another one
}

// buildRelease compiles sources in a module of their own, with the given release of
// another one.
func buildRelease(t testing.TB, m module, sources map[string][]byte, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	sources["go.mod"] = []byte("module " + m.name + "\n\ngo " + m.language + "\n")
	for file, content := range sources {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
	binary := filepath.Join(dir, m.name)
	for _, arguments := range [][]string{{"get", m.requirement}, append(append([]string{"build", "-o", binary}, args...), ".")} {
		command := exec.Command("go", arguments...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN="+m.toolchain)
		output, err := command.CombinedOutput()
		require.NoError(t, err, "go %v: %s", arguments, output)
	}
	return binary
}
