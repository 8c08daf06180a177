// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"hash/maphash"
)

// dictionary gives strings numbers in the order in which they first came. It
// keeps the strings as they go over the wire, and refers to nothing of what it
// was given.
type dictionary struct {
	seed   maphash.Seed
	values text
	// ends is where each string ends in values; it begins at this less its length.
	ends []span
	// slots is a hash table with open addressing, a power of two in length.
	slots []slot
	// generation is that of the slots in use: all are emptied by the next one.
	generation uint32
}

// span is where a string lies in a buffer.
type span struct{ from, to int }

type slot struct {
	generation uint32
	number     uint32
	hash       uint64
}

const fewestSlots = 64

func newDictionary() dictionary {
	return dictionary{seed: maphash.MakeSeed(), slots: make([]slot, fewestSlots), generation: 1}
}

// reset forgets the strings.
func (d *dictionary) reset() {
	d.values.Reset()
	d.ends = emptied(d.ends, 2*maxWidth)
	d.generation++
	if d.generation == 0 || len(d.slots) > keptBytes/(2*maxWidth) {
		d.slots, d.generation = make([]slot, fewestSlots), 1
	}
}

// number is the number of a string, which is added if it is not there.
func (d *dictionary) number(s string) uint32 {
	hash := maphash.String(d.seed, s)
	for at := hash; ; at++ {
		slot := &d.slots[at&uint64(len(d.slots)-1)]
		if slot.generation != d.generation {
			return d.add(slot, hash, s)
		}
		if slot.hash == hash {
			if span := d.ends[slot.number]; string(d.values.buffer[span.from:span.to]) == s {
				return slot.number
			}
		}
	}
}

// add gives a string the next number, in a slot that is free.
func (d *dictionary) add(free *slot, hash uint64, s string) uint32 {
	number := uint32(len(d.ends))
	*free = slot{generation: d.generation, number: number, hash: hash}
	d.values.append(s)
	end := len(d.values.buffer)
	d.ends = append(d.ends, span{end - len(s), end})
	if 2*len(d.ends) > len(d.slots) {
		d.grow()
	}
	return number
}

// grow doubles the hash table.
func (d *dictionary) grow() {
	old := d.slots
	d.slots = make([]slot, 2*len(old))
	for _, moved := range old {
		if moved.generation != d.generation {
			continue
		}
		at := moved.hash
		for d.slots[at&uint64(len(d.slots)-1)].generation == d.generation {
			at++
		}
		d.slots[at&uint64(len(d.slots)-1)] = moved
	}
}
