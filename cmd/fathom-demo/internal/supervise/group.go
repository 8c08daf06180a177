// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is what to run.
type Command struct {
	// Name of the process in messages and of its log file.
	Name string
	// Path of the executable, and its arguments.
	Path string
	Args []string
	// Env is added to this process's environment.
	Env []string
	// Dir is the working directory; this process's own if empty.
	Dir string
	// Ends is true where the process ends by itself. The end of any other is a
	// failure of the group.
	Ends bool
}

// Group is processes that are stopped together. It is not safe for concurrent
// use, except for Context.
type Group struct {
	dir     string
	ctx     context.Context
	fail    context.CancelCauseFunc
	started []*Process
}

// Process is one that a group started.
type Process struct {
	entry Entry
	done  chan struct{}
	err   error // of its end
}

// EndError says that a process ended which should have run on.
type EndError struct {
	Entry Entry
	// Err of its end; nil for exit status 0.
	Err error
	// Last line that it said.
	Last string
}

func (e *EndError) Error() string {
	how := "exit status 0"
	if e.Err != nil {
		how = e.Err.Error()
	}
	last := ""
	if e.Last != "" {
		last = "\n  " + e.Last
	}
	return fmt.Sprintf("%s ended (%s): see %s%s", e.Entry, how, e.Entry.Log, last)
}

func (e *EndError) Unwrap() error { return e.Err }

// New makes a group whose files lie in dir. Its context ends with ctx, or with
// an EndError as the cause.
func New(ctx context.Context, dir string) (*Group, error) {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of logs: %w", err)
	}
	ctx, fail := context.WithCancelCause(ctx)
	return &Group{dir: dir, ctx: ctx, fail: fail}, nil
}

// Context is for what needs the group's processes.
func (g *Group) Context() context.Context { return g.ctx }

// Start starts a process and remembers it. Its log file begins anew.
func (g *Group) Start(c Command) (*Process, error) {
	p := &Process{done: make(chan struct{})}
	p.entry = Entry{Name: c.Name, Log: filepath.Join(g.dir, "logs", c.Name+".log")}
	command, err := c.start(p.entry.Log)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	// Until it is waited for, its PID is not another's.
	p.entry.identity, err = identify(command.Process.Pid)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking at %s: %w", c.Name, err), command.Process.Kill(), command.Wait())
	}
	g.started = append(g.started, p)
	go g.wait(p, command, c.Ends)
	if err := remember(g.dir, g.entries()); err != nil {
		return nil, fmt.Errorf("remembering %s: %w", c.Name, err)
	}
	return p, nil
}

// start starts the process in a session of its own.
func (c Command) start(logPath string) (*exec.Cmd, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("creating its log: %w", err)
	}
	defer log.Close() // the process has its own descriptor
	command := exec.Command(c.Path, c.Args...)
	command.Env = append(os.Environ(), c.Env...)
	command.Dir = c.Dir
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return command, command.Start()
}

// wait owns the process's end.
func (g *Group) wait(p *Process, command *exec.Cmd, ends bool) {
	p.err = command.Wait()
	if !ends {
		g.fail(p.ended())
	}
	close(p.done)
}

func (g *Group) entries() []Entry {
	entries := make([]Entry, 0, len(g.started))
	for _, p := range g.started {
		entries = append(entries, p.entry)
	}
	return entries
}

// Stop stops all processes, the last started first, each with SIGTERM and after
// grace with SIGKILL, and forgets them.
func (g *Group) Stop(grace time.Duration) error {
	g.fail(context.Canceled) // what ends from now on is no failure
	var errs []error
	for _, p := range slices.Backward(g.started) {
		errs = append(errs, p.entry.stop(grace))
		select {
		case <-p.done:
		case <-time.After(grace): // it does not end: the error says so
		}
	}
	g.started = nil
	return errors.Join(append(errs, StopLeftovers(g.dir, nil, grace))...)
}

// Entry is the process as it is remembered.
func (p *Process) Entry() Entry { return p.entry }

// Wait waits until the process ends and returns the error of its end, or the
// cause for which ctx ended.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		if p.err != nil {
			return p.ended()
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ended describes its end.
func (p *Process) ended() *EndError {
	said, err := os.ReadFile(p.entry.Log)
	if err != nil {
		said = nil // the message names the file, which says why
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return &EndError{Entry: p.entry, Err: p.err, Last: lines[len(lines)-1]}
}
