// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stacks are the target's goroutines by the state that its runtime prints,
// without its own. The one that prints is running; from outside it is seen
// waiting for the next command, in a system call.
func (t *target) stacks() map[string]int64 {
	t.tb.Helper()
	states := map[string]int64{}
	for state := range strings.SplitSeq(strings.TrimSpace(t.command("stacks")), ";") {
		states[state]++
	}
	require.EqualValues(t.tb, 1, states["running"], "only the one that prints runs")
	delete(states, "running")
	states["syscall"]++
	return states
}

// ownWaits are what the runtime's own goroutines wait for.
func ownWaits() []string {
	return []string{
		"GC scavenge wait", "GC sweep wait", "GC worker (idle)", "GC worker (active)", "GC worker init",
		"finalizer wait", "cleanup wait", "force gc (idle)",
	}
}

// census are the goroutines as they are seen in the target's memory.
type census struct {
	program map[string]int64 // by state, those that wait by reason
	runtime int64            // the runtime's own
	waiting int64            // of both
}

func (t *target) census() (census, values) {
	t.tb.Helper()
	all := t.observed()
	c := census{program: map[string]int64{}}
	for name, n := range all.ints {
		reason, waits := strings.CutPrefix(name, "fathom.go.goroutine.waiting ")
		state, ok := strings.CutPrefix(name, "fathom.go.goroutine.states ")
		switch {
		case waits && slices.Contains(ownWaits(), reason):
			c.runtime += n
		case waits:
			c.program[reason] += n
		case ok && state != "waiting" && n > 0:
			c.program[state] += n
		}
		if waits {
			c.waiting += n
		}
	}
	return c, all
}

// compareStates compares the goroutines of an idle program by state. The
// runtime's own printing is the judge, of every release.
func compareStates(t *testing.T, tt *target, cgo bool) {
	t.Helper()
	tt.do("grow", "park")
	tt.still()
	// A goroutine of the runtime may run in between.
	var want map[string]int64
	var got census
	var all values
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		want = tt.stacks()
		if got, all = tt.census(); maps.Equal(want, got.program) {
			break
		}
	}
	require.Equal(t, want, got.program)
	assert.GreaterOrEqual(t, got.program["chan receive"], int64(1000))
	assert.Equal(t, got.waiting, all.ints["fathom.go.goroutine.states waiting"], "each has a reason")
	total := got.runtime
	for _, n := range want {
		total += n
	}
	counted := all.ints["go.goroutine.count"]
	if tt.layout.minor < systemCountedSince {
		counted += int64(tt.reader.uint32(systemGoroutines))
	}
	if cgo { // one is kept for a thread of C that may call Go (oneNewExtraM), and is in no state
		counted--
	}
	assert.Equal(t, counted, total, "none is missing")
	t.Logf("%v and %d of the runtime", want, got.runtime)
}

// From Go 1.26 on runtime/metrics counts states too.
func TestGoroutineStatesAgainstTheTargetsOwnMetrics(t *testing.T) {
	tt := start(t, build{}.target(t))
	tt.do("grow", "park")
	tt.still()
	var want, got [3]int64 // waiting, runnable, others
	var all map[string]int64
	// A goroutine of the runtime may run in between.
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		answer := tt.ask()
		number := func(state string) int64 { return answer.number(t, "/sched/goroutines/"+state+":goroutines") }
		all = tt.observed().ints
		seen := func(state string) int64 { return all["fathom.go.goroutine.states "+state] }
		// The one that answered reads the next command: it is no longer running.
		want = [3]int64{number("waiting"), number("runnable"), number("running") + number("not-in-go")}
		got = [3]int64{seen("waiting"), seen("runnable"), seen("running") + seen("syscall")}
		if want == got {
			break
		}
	}
	assert.Equal(t, want, got)
	assert.Equal(t, all["go.goroutine.count"], got[0]+got[1]+got[2])
}

func TestTooManyGoroutinesAreNotRead(t *testing.T) {
	tt := start(t, build{}.target(t))
	tt.reader.maxGoroutines = 100
	var s Snapshot
	require.NoError(t, tt.reader.Read(&s))
	assert.Zero(t, s.Unread())
	tt.do("grow")
	require.NoError(t, tt.reader.Read(&s))
	assert.GreaterOrEqual(t, s.Unread(), int64(1000))
	assert.False(t, s.has[goroutineStates])
	assert.False(t, s.has[goroutineWaits])
	assert.True(t, s.has[goroutineCount])
	tt.reader.maxGoroutines = 5000
	require.NoError(t, tt.reader.Read(&s))
	assert.Zero(t, s.Unread())
	assert.True(t, s.has[goroutineStates])
}
