// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fixtures are the executables that the tests analyse: one program, linked in
// the ways in which programs are shipped. Each is built once, when first asked for.
type fixtures struct {
	dir   string
	built map[string]func() (string, error)
}

// toolchain builds the fixtures: a release that the version table knows,
// whichever one runs the tests.
const toolchain = "go1.26.8"

var variants = map[string][]string{
	"normal":       nil,
	"stripped":     {"-ldflags=-s -w"},
	"pie":          {"-buildmode=pie"},
	"pie-stripped": {"-buildmode=pie", "-ldflags=-s -w"},
	"arm64":        nil,
}

var executables fixtures

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "goexec")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	executables = newFixtures(dir)
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func newFixtures(dir string) fixtures {
	f := fixtures{dir: dir, built: make(map[string]func() (string, error))}
	for name, arguments := range variants {
		f.built[name] = sync.OnceValues(func() (string, error) {
			out := filepath.Join(dir, name)
			architecture := "amd64"
			if name == "arm64" {
				architecture = "arm64"
			}
			command := exec.Command("go", append(append([]string{"build"}, arguments...), "-o", out, "./testdata/target")...)
			command.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+architecture, "CGO_ENABLED=0", "GOTOOLCHAIN="+toolchain)
			if output, err := command.CombinedOutput(); err != nil {
				return "", fmt.Errorf("build fixture %s: %w\n%s", name, err, output)
			}
			return out, nil
		})
	}
	return f
}

func fixture(t testing.TB, variant string) string {
	t.Helper()
	path, err := executables.built[variant]()
	require.NoError(t, err)
	return path
}

func open(t testing.TB, path string) *Binary {
	t.Helper()
	binary, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, binary.Close()) })
	return binary
}
