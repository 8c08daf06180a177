// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "encoding/binary"

// Seen remembers the last spans, so that one that is sent again is not counted again:
// at least half of limit, in 16 to 32 bytes each of limit. A span is taken for another
// with a probability of about limit/2^64.
type Seen struct {
	newer, older table
}

// table is a set of hashes with open addressing, half full at most.
type table struct {
	slots []uint64 // 0 is empty
	used  int
}

// NewSeen remembers as many spans as Seen says.
func NewSeen(limit int) *Seen {
	size := 2
	for size < limit {
		size *= 2
	}
	return &Seen{newer: table{slots: make([]uint64, size)}, older: table{slots: make([]uint64, size)}}
}

// Again reports whether the span was seen before, and remembers it.
func (s *Seen) Again(trace [16]byte, span [8]byte) bool {
	h := hash(trace, span)
	if s.newer.has(h) || s.older.has(h) {
		return true
	}
	if 2*s.newer.used >= len(s.newer.slots) {
		s.newer, s.older = s.older, s.newer
		clear(s.newer.slots)
		s.newer.used = 0
	}
	s.newer.put(h)
	return false
}

// hash mixes the IDs, which are random already, by the finalizer of MurmurHash3.
func hash(trace [16]byte, span [8]byte) uint64 {
	h := binary.LittleEndian.Uint64(trace[:8])
	for _, next := range []uint64{binary.LittleEndian.Uint64(trace[8:]), binary.LittleEndian.Uint64(span[:])} {
		h = mix(h) ^ next
	}
	return max(mix(h), 1)
}

func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func (t *table) at(h uint64) int {
	i := int(h % uint64(len(t.slots)))
	for t.slots[i] != 0 && t.slots[i] != h {
		i = (i + 1) % len(t.slots)
	}
	return i
}

func (t *table) has(h uint64) bool { return t.slots[t.at(h)] == h }

func (t *table) put(h uint64) {
	t.slots[t.at(h)] = h
	t.used++
}
