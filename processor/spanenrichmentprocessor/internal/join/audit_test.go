// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// audit counts what a store holds and compares it with the store's books.
func audit(t *testing.T, s *Store) {
	t.Helper()
	tally := s.Tally()
	bytes := s.heldBytes
	records := map[*process]int{}
	for i := s.records.head; i < len(s.records.items); i++ {
		r := s.records.items[i]
		bytes += r.bytes
		records[r.process]++
		switch {
		case r.kind == KindLedger:
			require.Same(t, r, r.place.ledger)
			require.Same(t, r.place, r.place.trace.places.find(r.place.span))
		case r.event != nil && r.place != nil:
			require.True(t, r.place.events.holds(r.event))
			require.Same(t, r.place, r.place.trace.places.find(r.place.span))
			require.Equal(t, !r.place.seen && !r.settled, r.orphan)
		}
	}
	bytes += int64(s.traces.used) * traceBytes
	aliases := 0
	for name, named := range s.services {
		inService := 0
		for _, member := range slices.Concat(slices.Collect(maps.Values(named.members))...) {
			require.False(t, member.retired)
			require.True(t, member.records > 0 || !member.gone.empty())
			require.Equal(t, records[member], member.records)
			inService += member.records
			bytes += processBytes + int64(len(name))
		}
		require.Equal(t, inService, named.records)
		for _, alias := range named.aliases {
			require.Same(t, named, s.aliases[alias])
			bytes += aliasBytes + int64(len(alias))
			aliases++
		}
	}
	require.Len(t, s.aliases, aliases)
	for tr := range s.traces.all() {
		waiting, seen := 0, 0
		require.Same(t, tr, s.traces.find(&tr.id))
		for p := range tr.places.all() {
			require.Same(t, tr, p.trace)
			require.True(t, p.ledger != nil || len(p.events.records) > 0 || p.seen)
			require.Equal(t, p.seen, p.open > 0 || p.left)
			waiting += p.open
			if p.seen {
				seen++
			}
			bytes += placeBytes
		}
		require.Equal(t, waiting, tr.waiting)
		for p := range tr.places.allSeen() {
			require.True(t, p.seen)
			seen--
		}
		require.Zero(t, seen, "each that is seen is listed once")
		for _, r := range tr.orphans.records {
			require.True(t, r.orphan && !r.taken)
		}
		for _, r := range tr.taken.records {
			require.True(t, r.taken && !r.orphan)
		}
	}
	require.Equal(t, bytes, tally.Bytes)
	require.Equal(t, s.records.len(), int(tally.Stored))
	requireConserved(t, tally)
}

// all yields the places in no order.
func (p *places) all() iter.Seq[*place] {
	return func(yield func(*place) bool) {
		for _, of := range p.list {
			if !yield(of.place) {
				return
			}
		}
		for _, place := range p.many {
			if !yield(place) {
				return
			}
		}
	}
}

// all yields the traces in no order.
func (x *index) all() iter.Seq[*trace] {
	return func(yield func(*trace) bool) {
		for _, s := range x.slots {
			if s.trace != nil && !yield(s.trace) {
				return
			}
		}
	}
}

// requireConserved: each record received was joined, was not, or is pending.
func requireConserved(t *testing.T, tally Tally) {
	t.Helper()
	for kind := range NumKinds {
		accounted := tally.Pending[kind]
		for _, n := range tally.Matched[kind] {
			accounted += n
		}
		for _, n := range tally.Unjoined[kind] {
			accounted += n
		}
		require.Equal(t, tally.Received[kind], accounted, "%s: %+v", Kind(kind), tally)
	}
}
