// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkLateness is what it costs to tell whether a fact comes too late for
// one of 100,000 spans of its process that have left: half a millisecond of
// each millisecond belongs to a span.
func BenchmarkLateness(b *testing.B) {
	const spans = 100_000
	inOrder := make([]int, spans)
	for i := range inOrder {
		inOrder[i] = i
	}
	for _, fact := range []struct {
		name  string
		order []int // in which the spans left
		at    Interval
		late  bool
	}{
		{"before its spans, as usual", inOrder, Interval{spans * 1e6, spans*1e6 + 1e5}, false},
		{"overlaps the newest span", inOrder, Interval{(spans - 1) * 1e6, (spans-1)*1e6 + 1e5}, true},
		{"overlaps the oldest span", inOrder, Interval{0, 1e5}, true},
		{"between old spans", inOrder, Interval{1e6 + 6e5, 1e6 + 7e5}, false},
		{"between spans that left in no order", rand.New(rand.NewPCG(1, 2)).Perm(spans), Interval{5e10 + 6e5, 5e10 + 7e5}, false},
	} {
		b.Run(fact.name, func(b *testing.B) {
			s := NewStore(Config{Retention: time.Hour, Bytes: 1 << 30}, begin)
			s.Observe(begin, &Records{Facts: []Fact{stopOf(proc("shop", 1), 1, 2)}})
			batch := make([]Span, spans)
			for i, n := range fact.order {
				start := int64(n) * 1e6
				batch[i] = Span{Key: benchKey(uint64(n)), Process: proc("shop", 1), Interval: Interval{start, start + 5e5}}
			}
			arrive(s, begin, batch, size)
			p := s.services["shop"].members[1][0]
			require.Equal(b, fact.late, p.explains(fact.at))
			b.ReportAllocs()
			for b.Loop() {
				p.explains(fact.at)
			}
		})
	}
}

// TestDepartedTellsWhatAScanTells: whatever the order in which spans leave and
// are forgotten, over blocks that fill, are full, and empty.
func TestDepartedTellsWhatAScanTells(t *testing.T) {
	yes, no := 0, 0
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 3))
		var d departed
		var all []Interval // what a scan would look at
		scan := func(asked Interval) bool {
			return slices.ContainsFunc(all, func(i Interval) bool { return i.Overlap(asked) > 0 })
		}
		clock, most := int64(1_000_000), random.IntN(5*blockSpans)
		for range 8 * blockSpans {
			clock += random.Int64N(1000)
			// Mostly short, some without a duration, a few that began long ago or have a wrong clock.
			span := Interval{clock - random.Int64N(200), clock}
			switch random.IntN(40) {
			case 0:
				span = Interval{clock, clock}
			case 1:
				span.Start -= random.Int64N(5000)
			case 2:
				span = Interval{clock - random.Int64N(500_000), 0}
				span.End = span.Start + random.Int64N(100)
			}
			d.push(span)
			all = append(all, span)
			for len(all) > most || len(all) > 0 && random.IntN(50) == 0 {
				d.pop()
				all = all[1:]
			}
			start := clock - random.Int64N(400_000)
			asked := Interval{start, start + random.Int64N(100)}
			require.Equal(t, scan(asked), d.overlap(asked), "seed %d: %v", seed, asked)
			if d.overlap(asked) {
				yes++
			} else {
				no++
			}
			require.Equal(t, len(all) == 0, d.empty())
		}
		for range all {
			d.pop()
		}
		require.True(t, d.empty())
		require.False(t, d.overlap(Interval{0, 1 << 62}))
	}
	require.Greater(t, yes, 1000)
	require.Greater(t, no, 1000)
}
