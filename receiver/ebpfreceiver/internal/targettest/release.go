// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package targettest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed testdata/health/main.go
var healthSource []byte

//go:embed testdata/streams/main.go
var streamsSource []byte

// BuildStreams compiles a server of HTTP/2 over TLS with the given release of Go,
// such as go1.21.13, which the go command downloads, and extra arguments to go
// build. The URL of what Start runs is where it serves, but for its scheme, https.
func BuildStreams(t testing.TB, release string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	for file, content := range map[string][]byte{"main.go": streamsSource, "go.mod": []byte("module streams\n\ngo 1.21\n")} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
	binary := filepath.Join(dir, "streams")
	command := exec.Command("go", append(append([]string{"build"}, args...), "-o", binary, ".")...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOTOOLCHAIN="+release, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "go build with %s: %s", release, output)
	return binary
}

// BuildHealth compiles a server of gRPC's health service with the given release
// of gRPC, such as v1.68.2, which the go command downloads. The URL of what
// Start runs is where it serves gRPC.
func BuildHealth(t testing.TB, release string) string {
	t.Helper()
	dir := t.TempDir()
	for file, content := range map[string][]byte{"main.go": healthSource, "go.mod": []byte("module health\n\ngo 1.24\n")} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	}
	binary := filepath.Join(dir, "health")
	for _, arguments := range [][]string{{"get", "google.golang.org/grpc@" + release}, {"build", "-o", binary, "."}} {
		command := exec.Command("go", arguments...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
		output, err := command.CombinedOutput()
		require.NoError(t, err, "go %v: %s", arguments, output)
	}
	return binary
}
