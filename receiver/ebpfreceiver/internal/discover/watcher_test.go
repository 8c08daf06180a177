// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

const childEnvironment = "FATHOM_DISCOVER_CHILD"

// childEnv makes the test binary a child; one built with the race detector
// would else sleep for a second before it exits.
var childEnv = []string{childEnvironment + "=obey", "GORACE=atexit_sleep_ms=0"}

// TestMain turns the test binary into a child that is discovered, when asked.
func TestMain(m *testing.M) {
	switch os.Getenv(childEnvironment) {
	case "":
		goleak.VerifyTestMain(m)
	case "obey":
		obey()
	}
}

// obey reads one line: the path to execute, or nothing to end.
func obey() {
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return
	}
	path := strings.TrimSpace(line)
	fmt.Fprintln(os.Stderr, syscall.Exec(path, []string{path}, os.Environ()))
	os.Exit(1)
}

// running is a Watcher of the real /proc that a test started.
type running struct {
	watcher *Watcher
	events  chan Event
	listed  atomic.Int64
	logs    *observer.ObservedLogs
	stop    func()
}

func run(t *testing.T, config Config) *running {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	watcher, err := New(config, zap.New(core))
	require.NoError(t, err)
	r := &running{watcher: watcher, events: make(chan Event, 10_000), logs: logs}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- watcher.Run(ctx, r.tell) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	t.Cleanup(r.stop)
	return r
}

// tell takes the events of processes, and counts the others.
func (r *running) tell(e Event) {
	if e.Kind == Listed {
		r.listed.Add(1)
		return
	}
	r.events <- e
}

// next returns the next event, which must come soon.
func (r *running) next(t *testing.T) Event {
	t.Helper()
	select {
	case e := <-r.events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("no event came")
		return Event{}
	}
}

// obedient is a child process that ends, or executes another program, on command.
type obedient struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func startChild(t *testing.T, path string, environment ...string) *obedient {
	t.Helper()
	c := &obedient{cmd: exec.Command(path)}
	c.cmd.Env = append(slices.Clone(childEnv), environment...)
	var err error
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() { c.end(t) })
	return c
}

func (c *obedient) pid() int { return c.cmd.Process.Pid }

func (c *obedient) exec(t *testing.T, path string) {
	t.Helper()
	_, err := fmt.Fprintln(c.stdin, path)
	require.NoError(t, err)
}

// end lets the child end and reaps it.
func (c *obedient) end(t *testing.T) {
	t.Helper()
	if c.cmd.ProcessState == nil {
		assert.NoError(t, c.stdin.Close())
		assert.NoError(t, c.cmd.Wait())
	}
}

func TestWatchARealProcess(t *testing.T) {
	path := copyProgram(t, "cart")
	r := run(t, Config{Targets: []Target{{Executable: path}}, Interval: 20 * time.Millisecond})
	before := time.Now()
	child := startChild(t, path, "OTEL_SERVICE_NAME=shop-cart", "OTEL_RESOURCE_ATTRIBUTES=team=a")
	e := r.next(t)
	assert.Equal(t, Started, e.Kind)
	p := e.Process
	assert.Equal(t, child.pid(), p.PID)
	assert.WithinRange(t, p.StartTime, before.Add(-time.Second), time.Now().Add(time.Second))
	assert.Equal(t, path, p.Executable)
	assert.Equal(t, "shop-cart", p.ServiceName)
	assert.Equal(t, map[string]string{"team": "a"}, p.ResourceAttributes)
	child.end(t)
	e = r.next(t)
	assert.Equal(t, Stopped, e.Kind)
	assert.Same(t, p, e.Process)
}

func TestTheEndIsNoticedBetweenScans(t *testing.T) {
	path := copyProgram(t, "cart")
	child := startChild(t, path)
	r := run(t, Config{Targets: []Target{{PID: child.pid()}}, Interval: time.Hour})
	assert.Equal(t, Started, r.next(t).Kind)
	require.NoError(t, child.stdin.Close())
	assert.Equal(t, Stopped, r.next(t).Kind, "although nobody reaped it yet")
	require.NoError(t, child.cmd.Wait())
}

func TestWatchExec(t *testing.T) {
	cart, pay := copyProgram(t, "cart"), copyProgram(t, "pay")
	r := run(t, Config{Targets: []Target{{Executable: cart}, {Executable: pay}}, Interval: 20 * time.Millisecond})
	child := startChild(t, cart)
	first := r.next(t)
	for _, path := range []string{pay, pay, cart} { // the second is an exec of itself
		child.exec(t, path)
		stopped, started := r.next(t), r.next(t)
		assert.Equal(t, Event{Kind: Stopped, Process: first.Process}, stopped)
		assert.Equal(t, Started, started.Kind)
		assert.Equal(t, path, started.Process.Executable)
		assert.Equal(t, child.pid(), started.Process.PID)
		assert.Equal(t, first.Process.StartTicks, started.Process.StartTicks)
		first = started
	}
	child.end(t)
	assert.Equal(t, Stopped, r.next(t).Kind)
}

func TestWatchExecFromAShell(t *testing.T) {
	path := copyProgram(t, "cart")
	r := run(t, Config{Targets: []Target{{Executable: path}}, Interval: 20 * time.Millisecond})
	cmd := exec.Command("/bin/sh", "-c", "sleep 0.2; exec "+path)
	cmd.Env = append(slices.Clone(childEnv), "PATH=/bin:/usr/bin")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	assert.Equal(t, cmd.Process.Pid, r.next(t).Process.PID)
	require.NoError(t, stdin.Close())
	require.NoError(t, cmd.Wait())
	assert.Equal(t, Stopped, r.next(t).Kind)
}

func TestWatchADeletedExecutable(t *testing.T) {
	path := copyProgram(t, "cart")
	r := run(t, Config{Targets: []Target{{Executable: path}}, Interval: 20 * time.Millisecond})
	before := startChild(t, path)
	assert.Equal(t, before.pid(), r.next(t).Process.PID)
	after := startChild(t, path)
	assert.Equal(t, after.pid(), r.next(t).Process.PID)
	require.NoError(t, os.Remove(path))
	scans(t, r, 5)
	assert.Empty(t, r.events, "a deleted executable is no exec")

	late := run(t, Config{Targets: []Target{{Executable: path}}})
	assert.Equal(t, path, late.next(t).Process.Executable, "and is still found")
}

// scans waits until the watcher has surely scanned count times more: a child
// that is started is met in one scan.
func scans(t *testing.T, r *running, count int) {
	t.Helper()
	for range count {
		before := r.watcher.Count(Unselected)
		cmd := exec.Command("/bin/sleep", "60")
		require.NoError(t, cmd.Start())
		assert.Eventually(t, func() bool { return r.watcher.Count(Unselected) > before }, time.Minute, time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
}

func TestWatchItselfOnlyWhenAsked(t *testing.T) {
	self := Target{PID: os.Getpid()}
	r := run(t, Config{Targets: []Target{self}})
	require.Eventually(t, func() bool { return r.watcher.Count(Self) == 1 }, time.Minute, time.Millisecond)
	assert.Empty(t, r.events)
	asked := run(t, Config{Targets: []Target{self}, IncludeSelf: true})
	assert.Equal(t, os.Getpid(), asked.next(t).Process.PID)
}

func TestAPIDThatNoProcessHasIsTold(t *testing.T) {
	const none = 1 << 23 // the kernel's pid_max is at most 1 << 22
	r := run(t, Config{Targets: []Target{{PID: none}, {PID: 1}}})
	require.Eventually(t, func() bool { return r.logs.FilterField(zap.Int("pid", none)).Len() == 1 }, time.Minute, time.Millisecond)
	assert.Empty(t, r.logs.FilterMessageSnippet("No process").FilterField(zap.Int("pid", 1)).All())
}

func TestShortLivedProcesses(t *testing.T) {
	const children = 2000
	path := copyProgram(t, "brief")
	r := run(t, Config{Targets: []Target{{Executable: path}, {Executable: "/**/true"}}, Interval: 20 * time.Millisecond})
	before := openDescriptors(t)
	startBrief(t, path, children)
	require.Eventually(t, func() bool { return openDescriptors(t) <= before+8 }, time.Minute, 10*time.Millisecond,
		"the descriptors of processes that ended are closed")
	scans(t, r, 2)
	r.stop()
	close(r.events)
	alive := map[*Process]bool{}
	for e := range r.events {
		switch e.Kind {
		case Started:
			alive[e.Process] = true
		case Stopped:
			assert.True(t, alive[e.Process], "stopped without start")
			delete(alive, e.Process)
		}
	}
	assert.Empty(t, alive, "each that started has stopped")
	t.Logf("of %d children: %d watched, %d vanished while examined, %d not Go",
		children, r.watcher.Count(Watched), r.watcher.Count(Vanished), r.watcher.Count(NotGo))
	assert.NotZero(t, r.watcher.Count(Watched)+r.watcher.Count(Vanished)+r.watcher.Count(NotGo))
	assert.LessOrEqual(t, r.logs.Len(), 1, "one line for all of /bin/true")
}

// startBrief runs children that end at once, two at a time, one in twenty Go.
func startBrief(t *testing.T, goPath string, children int) {
	t.Helper()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for i := range children / 2 {
				cmd := exec.Command("/bin/true")
				if i%20 == 0 {
					cmd = exec.Command(goPath)
					cmd.Env = childEnv // its input is /dev/null
				}
				assert.NoError(t, cmd.Run())
			}
		})
	}
	both.Wait()
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestNewNamesEachBadKey(t *testing.T) {
	_, err := New(Config{Targets: []Target{{}, {Executable: "/["}, {PID: -4}}, Interval: -time.Second}, zap.NewNop())
	for _, want := range []string{"targets[1]: executable", "targets[2]: pid", "interval"} {
		require.ErrorContains(t, err, want)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	watcher, err := New(Config{Interval: time.Hour}, zap.NewNop())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, watcher.Run(ctx, func(Event) {}), "before it began")
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, watcher.Run(ctx, func(Event) {}))
}

func TestRunFailsWithoutProc(t *testing.T) {
	watcher, err := New(Config{ProcRoot: "/nowhere"}, zap.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, watcher.Run(context.Background(), func(Event) {}), "/nowhere")
}
