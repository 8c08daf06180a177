// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"hash/maphash"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// index finds a trace by its ID: a table of hashes with open addressing, so that
// a look-up waits for memory twice, for a slot and for the trace that it leads to.
type index struct {
	seed  maphash.Seed // nobody outside can make IDs collide
	slots []slot       // a power of two of them
	used  int          // of them, at most three in four, and three in 16 unless they are the first
}

type slot struct {
	hash  uint64
	trace *trace // nil in a slot that is free
}

const (
	firstSlots = 16
	slotShare  = 16 * 8 / 3 // bytes of the table for each trace, where it has just grown or shrunk
)

func newIndex() index {
	return index{seed: maphash.MakeSeed(), slots: make([]slot, firstSlots)}
}

func (x *index) hash(id *pcommon.TraceID) uint64 { return maphash.Bytes(x.seed, id[:]) }

// find returns the trace of the ID, nil where there is none.
func (x *index) find(id *pcommon.TraceID) *trace {
	hash, mask := x.hash(id), uint64(len(x.slots)-1)
	for at := hash & mask; x.slots[at].trace != nil; at = (at + 1) & mask {
		if s := &x.slots[at]; s.hash == hash && s.trace.id == *id {
			return s.trace
		}
	}
	return nil
}

// guess returns a trace of the hash, nil where there is none, without a look at
// its ID.
func (x *index) guess(hash uint64) *trace {
	mask := uint64(len(x.slots) - 1)
	at := hash & mask
	for x.slots[at].trace != nil && x.slots[at].hash != hash {
		at = (at + 1) & mask
	}
	return x.slots[at].trace
}

// add puts a trace in whose ID is not there.
func (x *index) add(t *trace) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.resize(2 * len(x.slots))
	}
	x.used++
	x.put(slot{x.hash(&t.id), t})
}

func (x *index) put(s slot) {
	mask := uint64(len(x.slots) - 1)
	at := s.hash & mask
	for x.slots[at].trace != nil {
		at = (at + 1) & mask
	}
	x.slots[at] = s
}

func (x *index) resize(slots int) {
	old := x.slots
	x.slots = make([]slot, slots)
	for _, s := range old {
		if s.trace != nil {
			x.put(s)
		}
	}
}

// remove takes a trace out that is there. What stands behind it moves up, as far
// as it may: a look-up ends at the first free slot. After a peak the table shrinks.
func (x *index) remove(t *trace) {
	mask := uint64(len(x.slots) - 1)
	at := x.hash(&t.id) & mask
	for x.slots[at].trace != t {
		at = (at + 1) & mask
	}
	for next := (at + 1) & mask; x.slots[next].trace != nil; next = (next + 1) & mask {
		home := x.slots[next].hash & mask
		if (next-home)&mask >= (next-at)&mask { // it does not begin behind the gap
			x.slots[at], at = x.slots[next], next
		}
	}
	x.slots[at] = slot{}
	x.used--
	// It has half of the traces then that it had when it grew or shrank last, so that
	// each that went pays for one that moves.
	if len(x.slots) > firstSlots && 16*x.used < 3*len(x.slots) {
		x.resize(len(x.slots) / 2)
	}
}
