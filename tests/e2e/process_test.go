// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = 90 * time.Second
	tick     = 100 * time.Millisecond
	// stopLimit is how long a process may take to stop on SIGTERM.
	stopLimit = 30 * time.Second
)

// process is one that a test started. Its output is in a file.
type process struct {
	t       *testing.T
	name    string
	command *exec.Cmd
	log     string
	done    chan struct{}
	err     error // of its end
}

// start runs a program in a session of its own until the test ends.
func start(t *testing.T, dir, name, path string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	require.NoError(t, err)
	defer log.Close()
	p.command = exec.Command(path, args...)
	p.command.Dir = dir
	p.command.Env = append(os.Environ(), env...)
	p.command.Stdout, p.command.Stderr = log, log
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, p.command.Start())
	go func() {
		p.err = p.command.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, p.tail())
		}
	})
	return p
}

// stop ends the process with SIGTERM; it must end well.
func (p *process) stop() {
	p.t.Helper()
	require.True(p.t, p.runs(), "%s ended before it was stopped: %v\n%s", p.name, p.err, p.tail())
	require.NoError(p.t, p.command.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
		require.NoError(p.t, p.err, "%s must end well on SIGTERM:\n%s", p.name, p.tail())
	case <-time.After(stopLimit):
		require.Failf(p.t, "it does not stop", "%s runs %v after SIGTERM:\n%s", p.name, stopLimit, p.tail())
	}
}

// kill ends the process with SIGKILL if it still runs.
func (p *process) kill() {
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("killing %s: %v", p.name, err)
	}
	<-p.done
}

func (p *process) runs() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// output is what the process has said so far.
func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	require.NoError(p.t, err)
	return string(text)
}

// tail is the end of its output.
func (p *process) tail() string {
	const lines = 25
	all := strings.Split(strings.TrimSpace(p.output()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// await asks until the condition holds, on the test's own goroutine: it may fail
// the test by itself.
func await(t *testing.T, condition func() bool, otherwise string, args ...any) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(tick) {
		if time.Now().After(end) {
			require.FailNow(t, fmt.Sprintf(otherwise, args...), "after %v", patience)
		}
	}
}

// freePorts finds ports of 127.0.0.1 on which nothing listens, each another one.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close() // all are held until all are found
		ports = append(ports, listener.Addr().String())
	}
	return ports
}

// workDir makes a directory in .run: t.TempDir may be a tmpfs, on which fsync
// takes no time. It is kept where the test fails.
func workDir(t *testing.T) string {
	t.Helper()
	run := filepath.Join(repository(t).root, ".run")
	require.NoError(t, os.MkdirAll(run, 0o755))
	dir, err := os.MkdirTemp(run, "e2e-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs and data are kept in %s", dir)
			return
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	return dir
}
