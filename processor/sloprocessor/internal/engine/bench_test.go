// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/objective"
	"github.com/fathom-otel/fathom/processor/sloprocessor/internal/window"
)

func engineOf(b *testing.B, n int, o objective.Objective) *Engine {
	b.Helper()
	var all []objective.Objective
	for i := range n {
		o.Name = fmt.Sprint("objective ", i)
		o.Target = 99.9
		o.Indicator.Spans = &objective.Spans{Bad: "true"}
		all = append(all, o)
	}
	resolved, err := objective.Resolve(all)
	require.NoError(b, err)
	e, err := New(resolved, noon, rand.New(rand.NewPCG(1, 1)))
	require.NoError(b, err)
	return e
}

// BenchmarkSpan counts a span against some of 20 objectives, at 100,000 spans a second
// that end up to 5 s before they come, one in 1,000 of which is bad.
func BenchmarkSpan(b *testing.B) {
	for _, bench := range []struct {
		name    string
		against int
		trace   bool
		ledger  bool
	}{{"against 1 of 20", 1, true, false}, {"against 2 of 20", 2, true, false}, {"with ledger against 2 of 20", 2, true, true}, {"against 20 of 20", 20, true, false}, {"without trace against 20 of 20", 20, false, false}} {
		b.Run(bench.name, func(b *testing.B) {
			e := engineOf(b, 20, objective.Objective{})
			event := Event{Weight: window.One}
			if bench.trace {
				event.Trace = [16]byte{1}
			}
			if bench.ledger {
				event.Ledger = &ledger.Ledger{ledger.OnCPU: 1000}
			}
			now, n := noon, 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				now += int64(10 * time.Microsecond)
				event.Time, event.Bad = now-int64(n%5000)*int64(time.Millisecond), n%1000 == 0
				e.Advance(now)
				for i := range bench.against {
					e.Count((n+i)%20, nil, &event)
				}
			}
		})
	}
}

// BenchmarkGroups counts spans against an objective with 10,000 groups, evaluates it
// and writes its state.
func BenchmarkGroups(b *testing.B) {
	const groups = 10_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	e := engineOf(b, 1, objective.Objective{GroupBy: []string{"http.route"}, MaxGroups: groups})
	values := make([][]string, groups)
	event := Event{Time: noon, Weight: window.One}
	for i := range values {
		values[i] = []string{fmt.Sprint("/route/", i)}
		e.Count(0, values[i], &event)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	now, n := noon, 0
	b.Run("span", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n += 7919 // visits all
			now += int64(10 * time.Microsecond)
			event.Time = now
			e.Advance(now)
			e.Count(0, values[n%groups], &event)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/groups/1024, "KiB/group")
	})
	b.Run("evaluation of all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			now += int64(10 * time.Second)
			e.Evaluate(now)
		}
	})
	b.Run("state of all", func(b *testing.B) {
		var state []byte
		b.ReportAllocs()
		for b.Loop() {
			state = e.Append(0, state[:0])
		}
		b.ReportMetric(float64(len(state))/groups, "B/group")
	})
}
