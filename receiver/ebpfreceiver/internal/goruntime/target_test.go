// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// build is one way in which the target is built.
type build struct {
	toolchain string // a release, which the go command fetches; empty for the one that runs the tests
	flags     []string
	cgo       bool
}

// releases are the last ones of each line of Go whose runtime is read, as far
// as the module proxy serves them, but for the one that runs the tests.
func releases() []string {
	return []string{"go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.14", "go1.27.4"}
}

// kinds are the ways in which programs are linked.
func kinds() map[string]build {
	return map[string]build{
		"plain":        {},
		"stripped":     {flags: []string{"-ldflags=-s -w"}},
		"pie":          {flags: []string{"-buildmode=pie"}},
		"pie stripped": {flags: []string{"-buildmode=pie", "-ldflags=-s -w"}},
	}
}

// builds are all kinds with all releases, and with the C library.
func builds(tb testing.TB) map[string]build {
	tb.Helper()
	all := kinds()
	for kind, b := range kinds() {
		for _, release := range releases() {
			b.toolchain = release
			all[release+" "+kind] = b
		}
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		tb.Logf("without programs that use cgo: %v", err)
		return all
	}
	all["cgo"] = build{cgo: true}
	all["cgo stripped"] = build{cgo: true, flags: []string{"-ldflags=-s -w"}}
	all["cgo pie stripped"] = build{cgo: true, flags: []string{"-buildmode=pie", "-ldflags=-s -w"}}
	return all
}

// withC makes a program link the C library.
const withC = "package main\n\nimport \"C\"\n"

// target builds the target and returns its path.
func (b build) target(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	source, err := os.ReadFile("testdata/target/main.go")
	require.NoError(tb, err)
	files := map[string]string{"main.go": string(source), "go.mod": "module target\n\ngo 1.21\n"}
	environment := append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if b.cgo {
		files["c.go"] = withC
		environment = append(environment, "CGO_ENABLED=1")
	}
	if b.toolchain != "" {
		environment = append(environment, "GOTOOLCHAIN="+b.toolchain)
	}
	for name, content := range files {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	path := filepath.Join(dir, "target")
	cmd := exec.Command("go", append(append([]string{"build"}, b.flags...), "-o", path, ".")...)
	cmd.Dir, cmd.Env = dir, environment
	output, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", output)
	return path
}

// target is a running program that tells its own runtime/metrics.
type target struct {
	tb     testing.TB
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pid    int
	layout *Layout
	reader *Reader
}

// start runs the program at path and prepares to read it.
func start(tb testing.TB, path string) *target {
	tb.Helper()
	asked := map[string]bool{}
	for _, d := range Definitions() {
		for _, source := range d.Sources {
			asked[source] = true
		}
	}
	cmd := exec.Command(path, slices.Sorted(maps.Keys(asked))...)
	stdin, err := cmd.StdinPipe()
	require.NoError(tb, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	cmd.Stderr = os.Stderr
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() {
		assert.NoError(tb, stdin.Close())
		assert.NoError(tb, cmd.Wait())
	})
	t := &target{tb: tb, stdin: stdin, stdout: bufio.NewReader(stdout), pid: cmd.Process.Pid}
	t.truth() // the process is past its execve, and its runtime/metrics are initialized
	t.attach(path)
	return t
}

func (t *target) attach(path string) {
	t.tb.Helper()
	binary, err := goexec.Open(path)
	require.NoError(t.tb, err)
	defer func() { assert.NoError(t.tb, binary.Close()) }()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", t.pid))
	require.NoError(t.tb, err)
	defer func() { assert.NoError(t.tb, maps.Close()) }()
	bias, err := binary.LoadBias(maps)
	require.NoError(t.tb, err)
	t.layout = Resolve(binary)
	memory, err := procmem.Open(t.pid)
	require.NoError(t.tb, err)
	t.tb.Cleanup(func() { assert.NoError(t.tb, memory.Close()) })
	t.reader = NewReader(t.layout, memory, bias, 5000)
}

func (t *target) command(text string) string {
	t.tb.Helper()
	_, err := fmt.Fprintln(t.stdin, text)
	require.NoError(t.tb, err)
	line, err := t.stdout.ReadString('\n')
	require.NoError(t.tb, err)
	return line
}

func (t *target) do(commands ...string) {
	t.tb.Helper()
	for _, c := range commands {
		require.Equal(t.tb, "ok\n", t.command(c))
	}
}
