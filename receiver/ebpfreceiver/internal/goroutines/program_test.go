// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// between are the dumps of a test: far enough apart for goroutines that come
// and go to have done so.
const between = 100 * time.Millisecond

// observed follows a process and takes note of all that is told of it.
type observed struct {
	*program
	tracker *Tracker
	watch   *Watch
	told    []Leak
	losses  [NumLosses]uint64
}

func observe(p *program, rule Rule) *observed {
	return &observed{program: p, tracker: NewTracker(DefaultLimits(), time.Now()), watch: NewWatch(rule)}
}

func (o *observed) dump() {
	o.tb.Helper()
	require.NoError(o.tb, o.reader.Read(o.target, o.tracker, time.Now()))
	o.told = append(o.told, o.watch.Leaks(o.tracker, o.target.Layout)...)
	for loss, n := range o.tracker.TakeLosses() {
		o.losses[loss] += n
	}
}

func TestAProgramThatLeaks(t *testing.T) {
	for name, b := range kinds() {
		t.Run(name, func(t *testing.T) {
			p := start(t, b.target(t))
			p.do("busy 50", "park 300")
			o := observe(p, Rule{Growth: 50, Dumps: 6})
			for deadline := time.Now().Add(patience); len(o.told) == 0; {
				require.True(t, time.Now().Before(deadline), "not told")
				p.do("leak 20")
				o.dump()
				time.Sleep(between)
			}
			require.Len(t, o.told, 1)
			leak := o.told[0]
			require.Equal(t, ByGrowth, leak.By)
			require.GreaterOrEqual(t, leak.Grew, 50)
			require.GreaterOrEqual(t, leak.Count, leak.Grew)
			require.Equal(t, "chan receive", leak.StateText)
			require.Equal(t, "main.leak", leak.GoStatement.Function)
			require.NotEmpty(t, leak.GoStatement.File)
			require.Positive(t, leak.GoStatement.Line)
			require.Contains(t, leak.Stacktrace(), "main.receive(...)")
			require.Contains(t, leak.Stacktrace(), "created by main.leak in goroutine 1")
			require.GreaterOrEqual(t, leak.Age, 5*between)
			require.GreaterOrEqual(t, leak.Waiting, leak.Window/2, "they never ran")
			t.Logf("told at %d goroutines, grown by %d in %v:\n%s", leak.Count, leak.Grew, leak.Window, leak.Stacktrace())

			for range 5 {
				o.dump()
				time.Sleep(between)
			}
			require.Len(t, o.told, 1, "it is told once")
			p.do("rest")
		})
	}
}

// Goroutines that leak but wake up again and again, as those of a ticker that is
// never stopped.
func TestAProgramThatLeaksTickers(t *testing.T) {
	p := start(t, build{}.target(t))
	o := observe(p, Rule{Growth: 50, Dumps: 6})
	for deadline := time.Now().Add(patience); len(o.told) == 0; {
		require.True(t, time.Now().Before(deadline), "not told")
		p.do("tickers 20")
		o.dump()
		time.Sleep(between)
	}
	require.Equal(t, "main.tickers", o.told[0].GoStatement.Function)
	require.Contains(t, o.told[0].Stacktrace(), "main.tickers.func1(...)")
}

// A busy server: a pool of workers, and thousands of goroutines a second that
// come and go.
func TestAHealthyProgramIsNotTold(t *testing.T) {
	p := start(t, build{}.target(t))
	p.do("busy 100")
	o := observe(p, Rule{Growth: 50, Dumps: 6})
	most := 0
	for range 40 {
		o.dump()
		most = max(most, o.tracker.Live())
		time.Sleep(between / 2)
	}
	p.do("rest")
	require.Empty(t, o.told)
	require.Zero(t, o.losses[Implausible])
	t.Logf("at most %d goroutines; %d ended while they were read", most, o.losses[Reused])
}

// Goroutines that are used again as fast as the runtime can: what a dump tells
// of them is true of each.
func TestAChurningProcess(t *testing.T) {
	p := start(t, build{}.target(t))
	p.do("churn 200", "park 10")
	o := observe(p, Rule{Dumps: MinDumps})
	dumps, seen := 0, 0
	for deadline := time.Now().Add(patience); dumps < 100 || o.losses[Reused] == 0; dumps++ {
		require.True(t, time.Now().Before(deadline), "in %d dumps none ended while it was read", dumps)
		o.dump()
		for _, g := range p.groups(o.tracker) {
			created := g.GoStatement.Function
			known := []string{"main.churn", "main.successor", "main.park"}
			if g.ID == mainGoroutine {
				continue
			}
			require.True(t, slices.Contains(known, created), "%+v", g)
			if len(g.Stack) > 0 {
				require.Contains(t, []string{"main.successor.func1", "main.successor", "main.park.func1", "runtime.goexit"}, visible(g.Stack), "%+v", g)
				seen++
			}
		}
	}
	p.do("rest")
	require.Zero(t, o.losses[Implausible])
	require.Positive(t, seen)
	t.Logf("%d dumps, %d groups with a stack; %d goroutines ended while they were read", dumps, seen, o.losses[Reused])
}

// visible is the function in which a stack waits.
func visible(stack []goexec.Call) string {
	for _, call := range stack {
		if !waits(call.Function) {
			return call.Function
		}
	}
	return stack[len(stack)-1].Function
}
