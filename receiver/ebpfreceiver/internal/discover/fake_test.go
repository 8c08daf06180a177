// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// fakeProcess is a process of a fake proc tree.
type fakeProcess struct {
	executable string // default: this Go test binary
	state      byte   // default: S
	flags      uint64
	start      uint64
	stack      uint64
	cgroup     string
	environ    string
}

// fakeTree is a proc tree that a test writes, and the scanner that reads it.
type fakeTree struct {
	tb      testing.TB
	root    string
	scanner *scanner
	events  []string
	logs    *observer.ObservedLogs
	clock   time.Time
	watcher *Watcher
}

func newFakeTree(tb testing.TB, targets ...Target) *fakeTree {
	tb.Helper()
	tree := &fakeTree{tb: tb, root: tb.TempDir(), clock: time.Unix(1_000_000, 0)}
	core, logs := observer.New(zap.InfoLevel)
	tree.logs = logs
	watcher, err := New(Config{Targets: targets, ProcRoot: tree.root}, zap.New(core))
	require.NoError(tb, err)
	tree.watcher = watcher
	proc, err := openProcfs(tree.root)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, proc.close()) })
	tree.scanner = watcher.newScanner(proc, tree.clock, func(e Event) {
		tree.events = append(tree.events, fmt.Sprintf("%v %d %s", e.Kind, e.Process.PID, e.Process.ServiceName))
	})
	tree.scanner.now = func() time.Time { return tree.clock }
	return tree
}

// put starts a process, or replaces the one that has its PID by another: as in
// procfs, another process has another inode.
func (f *fakeTree) put(pid int, p fakeProcess) {
	f.tb.Helper()
	fresh := filepath.Join(f.root, "new")
	require.NoError(f.tb, os.Mkdir(fresh, 0o755))
	f.write(fresh, pid, p)
	f.remove(pid)
	require.NoError(f.tb, os.Rename(fresh, f.path(pid)))
}

// update changes a process that runs, as an exec does.
func (f *fakeTree) update(pid int, p fakeProcess) {
	f.tb.Helper()
	require.NoError(f.tb, os.Remove(filepath.Join(f.path(pid), "exe")))
	f.write(f.path(pid), pid, p)
}

func (f *fakeTree) write(dir string, pid int, p fakeProcess) {
	f.tb.Helper()
	if p.executable == "" {
		p.executable = os.Args[0]
	}
	if p.state == 0 {
		p.state = 'S'
	}
	line := fmt.Sprintf("%d (fake) %c 1 1 1 0 -1 %d 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0 0 0 0 %d 0 0 0\n", pid, p.state, p.flags, p.start, p.stack)
	for name, content := range map[string]string{"stat": line, "cgroup": p.cgroup, "environ": p.environ} {
		require.NoError(f.tb, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	require.NoError(f.tb, os.Symlink(p.executable, filepath.Join(dir, "exe")))
}

func (f *fakeTree) remove(pid int) {
	f.tb.Helper()
	require.NoError(f.tb, os.RemoveAll(f.path(pid)))
}

func (f *fakeTree) path(pid int) string { return filepath.Join(f.root, strconv.Itoa(pid)) }

// scan returns the events of one scan.
func (f *fakeTree) scan() []string {
	f.tb.Helper()
	f.events = nil
	require.NoError(f.tb, f.scanner.scan())
	return f.events
}

// counts by outcome, without the zeros.
func (f *fakeTree) counts() map[Outcome]uint64 {
	got := map[Outcome]uint64{}
	for o := range Outcome(NumOutcomes) {
		if n := f.watcher.Count(o); n > 0 {
			got[o] = n
		}
	}
	return got
}

// goProgram makes a path at which a Go program is found.
func goProgram(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.Symlink(os.Args[0], path))
	return path
}
