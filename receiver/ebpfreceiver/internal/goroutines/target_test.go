// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

const patience = 30 * time.Second

// build is one way in which the target is built.
type build struct {
	toolchain string // a release, which the go command fetches; empty for the one that runs the tests
	flags     []string
	cgo       bool
}

// releases are the last ones of each line of Go whose goroutines are read, as
// far as the module proxy serves them, but for the one that runs the tests.
func releases() []string {
	return []string{"go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.14"}
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
func builds() map[string]build {
	all := kinds()
	for kind, b := range kinds() {
		for _, release := range releases() {
			b.toolchain = release
			all[release+" "+kind] = b
		}
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
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "main.go"), source, 0o644))
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module target\n\ngo 1.21\n"), 0o644))
	environment := append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if b.cgo {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, "c.go"), []byte(withC), 0o644))
		environment = append(environment, "CGO_ENABLED=1")
	}
	if b.toolchain != "" {
		environment = append(environment, "GOTOOLCHAIN="+b.toolchain)
	}
	path := filepath.Join(dir, "target")
	cmd := exec.Command("go", append(append([]string{"build"}, b.flags...), "-o", path, ".")...)
	cmd.Dir, cmd.Env = dir, environment
	output, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", output)
	return path
}

// program is a running target.
type program struct {
	tb     testing.TB
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pid    int
	target Target
	reader *Reader
}

// start runs the program at path and prepares to read it.
func start(tb testing.TB, path string) *program {
	tb.Helper()
	cmd := exec.Command(path)
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
	p := &program{tb: tb, stdin: stdin, stdout: bufio.NewReader(stdout), pid: cmd.Process.Pid, reader: NewReader(DefaultLimits())}
	p.do("collect") // the process is past its execve and runs main
	p.attach(path)
	return p
}

func (p *program) attach(path string) {
	p.tb.Helper()
	binary, err := goexec.Open(path)
	require.NoError(p.tb, err)
	defer func() { assert.NoError(p.tb, binary.Close()) }()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", p.pid))
	require.NoError(p.tb, err)
	defer func() { assert.NoError(p.tb, maps.Close()) }()
	p.target.Bias, err = binary.LoadBias(maps)
	require.NoError(p.tb, err)
	p.target.Layout, err = Resolve(binary)
	require.NoError(p.tb, err)
	memory, err := procmem.Open(p.pid)
	require.NoError(p.tb, err)
	p.tb.Cleanup(func() { assert.NoError(p.tb, memory.Close()) })
	p.target.Memory = memory
	p.target.Open = func() (Executable, error) { return os.Open(path) }
}

// do gives commands and waits until they are done.
func (p *program) do(commands ...string) {
	p.tb.Helper()
	for _, c := range commands {
		_, err := fmt.Fprintln(p.stdin, c)
		require.NoError(p.tb, err)
		line, err := p.stdout.ReadString('\n')
		require.NoError(p.tb, err)
		require.Equal(p.tb, "ok\n", line)
	}
}

// profile is the target's own goroutine profile as debug=2 prints it.
func (p *program) profile() string {
	p.tb.Helper()
	_, err := fmt.Fprintln(p.stdin, "profile")
	require.NoError(p.tb, err)
	var length int
	_, err = fmt.Fscanln(p.stdout, &length)
	require.NoError(p.tb, err)
	text := make([]byte, length)
	_, err = io.ReadFull(p.stdout, text)
	require.NoError(p.tb, err)
	return string(text)
}

// dump takes one dump with a tracker of its own.
func (p *program) dump() *Tracker {
	p.tb.Helper()
	tracker := NewTracker(DefaultLimits(), time.Now())
	require.NoError(p.tb, p.reader.Read(p.target, tracker, time.Now()))
	return tracker
}

// groups are all groups of a dump.
func (p *program) groups(t *Tracker) []Group { return t.Top(p.target.Layout, len(t.groups)) }
