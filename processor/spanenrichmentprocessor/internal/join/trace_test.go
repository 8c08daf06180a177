// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func spanID(n uint32) (id pcommon.SpanID) {
	binary.LittleEndian.PutUint32(id[:], n)
	return id
}

// TestPlacesAreAMap: they have what a map has, in a list and in a map, as they
// become more and fewer; those that are seen are told without a look at others.
func TestPlacesAreAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var p places
	p.list = p.few[:0]
	want := map[pcommon.SpanID]*place{}
	most, seen := 0, 0
	for step := range 20_000 {
		id := spanID(random.Uint32N(500))
		known := want[id]
		require.Same(t, known, p.find(id), "step %d", step)
		grows := step/2000%2 == 0 // and shrinks for as long
		switch {
		case known == nil && (grows || random.IntN(4) == 0):
			want[id] = &place{span: id}
			p.add(want[id])
		case known != nil && !known.seen && random.IntN(2) == 0:
			known.seen = true
			p.see(known)
			seen++
		case known != nil && (!grows || random.IntN(4) == 0):
			if known.seen {
				known.seen = false
				p.unsee(known)
				seen--
			}
			delete(want, id)
			p.remove(id)
		}
		most = max(most, len(want))
		require.Equal(t, len(want) == 0, p.empty())
		require.LessOrEqual(t, p.most, max(maxListed+1, 4*len(p.many)+4), "room for no more than four times of what is there")
		if step%20 == 0 {
			found := map[pcommon.SpanID]bool{}
			for of := range p.allSeen() {
				require.True(t, of.seen)
				require.Same(t, want[of.span], of)
				found[of.span] = true
			}
			require.Len(t, found, seen)
		}
	}
	t.Logf("%d places at most, %d at the end, room for %d", most, len(want), p.most)
	assert.Greater(t, most, 200)
}

// TestOtherSpansOfATraceAreNotLookedThrough: an event whose span did not come is
// compared with the spans of its trace that came, not with all that are expected.
func TestOtherSpansOfATraceAreNotLookedThrough(t *testing.T) {
	s := NewStore(Config{Wait: 6, Retention: 40, Bytes: 1 << 20}, begin)
	trace := pcommon.TraceID{1}
	var records Records
	for i := range uint32(100) {
		records.Events = append(records.Events, Event{
			Kind: KindFile, Key: SpanKey{trace, spanID(i + 1)}, Process: proc("shop", 1), Interval: Interval{1, 2},
		})
	}
	s.Observe(begin, &records)
	looked := func() (n int) {
		for range s.traces.find(&trace).places.allSeen() {
			n++
		}
		return n
	}
	assert.Zero(t, looked())
	for i := range uint32(3) {
		arrive(s, begin, []Span{{Key: SpanKey{trace, spanID(i + 1)}, Process: proc("shop", 1), Interval: Interval{0, 5}}}, size)
	}
	assert.Equal(t, 3, looked())
	audit(t, s)
}
