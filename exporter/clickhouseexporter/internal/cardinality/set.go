// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

// mostSlots bounds a set to 8 MiB.
const mostSlots = 1 << 20

// fewestSlots is where it begins.
const fewestSlots = 1 << 10

// set is a set of 64-bit hashes, with open addressing. No hash is 0 in it.
type set struct {
	slots []uint64
	count int
}

// add adds a hash and reports whether it is in the set then, and whether it was
// there before. A set that is full takes no more.
func (s *set) add(hash uint64) (in, before bool) {
	at := s.find(hash)
	if s.slots[at] == hash|1 {
		return true, true
	}
	if 4*s.count >= 3*len(s.slots) {
		if len(s.slots) == mostSlots {
			return false, false
		}
		s.grow()
		at = s.find(hash)
	}
	s.slots[at] = hash | 1
	s.count++
	return true, false
}

// has reports whether a hash is in the set.
func (s *set) has(hash uint64) bool { return s.slots[s.find(hash)] == hash|1 }

// find is the hash's slot, or the free one that it would have.
func (s *set) find(hash uint64) int {
	if s.slots == nil {
		s.slots = make([]uint64, fewestSlots)
	}
	mask := uint64(len(s.slots) - 1)
	for at := (hash >> 1) & mask; ; at = (at + 1) & mask {
		if s.slots[at] == 0 || s.slots[at] == hash|1 {
			return int(at)
		}
	}
}

func (s *set) grow() {
	old := s.slots
	s.slots = make([]uint64, 2*len(old))
	for _, hash := range old {
		if hash != 0 {
			s.slots[s.find(hash)] = hash
		}
	}
}

func (s *set) clear() {
	clear(s.slots)
	s.count = 0
}
