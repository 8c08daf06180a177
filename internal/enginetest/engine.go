// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second

	// memoryMiB is less than the engine's default: tests run side by side.
	memoryMiB = 1024
)

// Start runs an engine on a free port with its data in t.TempDir, and returns
// its address, "127.0.0.1:port". It is stopped when the test ends.
func Start(t testing.TB) (endpoint string) {
	t.Helper()
	return StartAt(t, t.TempDir()).Endpoint
}

// StartWithMemory is Start of an engine that may use so many MiB, for a test of
// many inserts at once: each takes some MiB for a block of a hundred columns.
func StartWithMemory(t testing.TB, mib int) (endpoint string) {
	t.Helper()
	return startAt(t, t.TempDir(), mib).Endpoint
}

// Engine is a running engine that a test may kill and start again.
type Engine struct {
	// Endpoint is the engine's address, "127.0.0.1:port", the same after each
	// restart.
	Endpoint string
	// Path is the directory of its data.
	Path string

	binary    string
	memoryMiB int
	process   *process
}

// StartAt runs an engine on a free port with its data in path.
func StartAt(t testing.TB, path string) *Engine {
	t.Helper()
	return startAt(t, path, memoryMiB)
}

func startAt(t testing.TB, path string, memoryMiB int) *Engine {
	t.Helper()
	e := &Engine{Endpoint: FreeEndpoint(t), Path: path, binary: Binary(t), memoryMiB: memoryMiB}
	e.start(t)
	t.Cleanup(func() { e.Stop(t) })
	return e
}

// Output is what the engine has said since it was started last.
func (e *Engine) Output() string { return e.process.output.String() }

// Stop ends the engine cleanly and waits for its end. It does nothing when the
// engine is not running.
func (e *Engine) Stop(t testing.TB) {
	t.Helper()
	e.end(t, syscall.SIGTERM)
}

// Kill ends the engine as a crash would, with SIGKILL, and waits for its end.
func (e *Engine) Kill(t testing.TB) {
	t.Helper()
	e.end(t, syscall.SIGKILL)
}

// Restart starts the engine again on the same data and the same port, after
// Kill or Stop.
func (e *Engine) Restart(t testing.TB) {
	t.Helper()
	e.Stop(t)
	e.start(t)
}

func (e *Engine) start(t testing.TB) {
	t.Helper()
	p, err := startProcess(e.binary, "serve", "--listen", e.Endpoint, "--path", e.Path, "--memory-mib", strconv.Itoa(e.memoryMiB), "--stop-with-stdin")
	if err != nil {
		t.Fatalf("enginetest: %v", err)
	}
	e.process = p
	if err := e.waitUntilAnswering(); err != nil {
		e.Kill(t)
		t.Fatalf("enginetest: %v\n%s", err, p.output.String())
	}
}

func (e *Engine) end(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if e.process == nil {
		return
	}
	p := e.process
	e.process = nil
	if err := p.end(signal); err != nil {
		t.Errorf("enginetest: %v\n%s", err, p.output.String())
	}
}

// waitUntilAnswering pings the engine until it answers.
func (e *Engine) waitUntilAnswering() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := ping(ctx, e.Endpoint)
		if err == nil {
			return nil
		}
		select {
		case <-e.process.done:
			return fmt.Errorf("the engine ended before it answered: %w", e.process.err)
		case <-ctx.Done():
			return fmt.Errorf("the engine did not answer within %s: %w", startTimeout, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ping(ctx context.Context, endpoint string) (err error) {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}, DialTimeout: startTimeout})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Ping(ctx)
}

// FreeEndpoint finds a port of this machine that nothing listens on, and
// returns it as "127.0.0.1:port".
func FreeEndpoint(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("enginetest: finding a free port: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatalf("enginetest: freeing the port that was found: %v", err)
	}
	return listener.Addr().String()
}

// process is one life of an engine.
type process struct {
	command *exec.Cmd
	output  *output
	done    chan struct{} // closed at its end
	err     error         // of its end
}

func startProcess(binary string, arguments ...string) (*process, error) {
	p := &process{command: exec.CommandContext(context.Background(), binary, arguments...), output: &output{}, done: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = p.output, p.output
	// The engine stops when this pipe ends, so that it does not outlive a test
	// process that is killed.
	stdin, err := p.command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the engine's standard input: %w", err)
	}
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", binary, err), stdin.Close())
	}
	go func() {
		defer close(p.done)
		p.err = p.command.Wait()
	}()
	return p, nil
}

// end signals the process and waits for its end.
func (p *process) end(signal syscall.Signal) error {
	if err := p.command.Process.Signal(signal); err != nil {
		<-p.done
		return fmt.Errorf("the engine had ended before it was stopped: %w", errors.Join(err, p.err))
	}
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.command.Process.Kill() // the error below says what happened
		<-p.done
		return fmt.Errorf("the engine did not end within %s of %s", stopTimeout, signal)
	}
	if signal == syscall.SIGTERM && p.err != nil {
		return fmt.Errorf("the engine did not stop cleanly: %w", p.err)
	}
	return nil
}

// output keeps what the engine says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// RSS is how much memory the engine holds, in bytes.
func (e *Engine) RSS(t testing.TB) int64 {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", e.process.command.Process.Pid))
	if err != nil {
		t.Fatalf("enginetest: reading the engine's memory: %v", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		t.Fatalf("enginetest: reading the engine's memory: %v", err)
	}
	return resident * int64(os.Getpagesize())
}
