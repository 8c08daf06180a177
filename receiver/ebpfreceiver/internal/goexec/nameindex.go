// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"fmt"
	"hash/maphash"
	"sort"
)

// maxNames bounds the names of one table, in bytes: a 500 MB executable has 100 MiB.
const maxNames = 1 << 30

// nameIndex finds the numbers of the table entries with a given name. It keeps
// eight bytes an entry instead of the names, which in a large executable take
// tens of megabytes; the caller compares the names of the few candidates.
type nameIndex struct {
	seed    maphash.Seed
	entries []nameEntry
	size    int // of all names, in bytes
}

type nameEntry struct{ hash, number uint32 }

func newNameIndex(capacity int) *nameIndex {
	return &nameIndex{seed: maphash.MakeSeed(), entries: make([]nameEntry, 0, capacity)}
}

func (x *nameIndex) hash(name []byte) uint32 { return uint32(maphash.Bytes(x.seed, name)) }

func (x *nameIndex) add(name []byte, number uint32) error {
	if x.size += len(name); x.size > maxNames {
		return fmt.Errorf("%w: names of more than %d bytes", ErrUnsupported, maxNames)
	}
	x.entries = append(x.entries, nameEntry{x.hash(name), number})
	return nil
}

// sort must be called between the last add and the first candidates.
func (x *nameIndex) sort() {
	sort.Slice(x.entries, func(i, j int) bool { return x.entries[i].hash < x.entries[j].hash })
}

// candidates returns the entries whose names may equal name.
func (x *nameIndex) candidates(name string) []nameEntry {
	hash := x.hash([]byte(name))
	first := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].hash >= hash })
	last := first
	for last < len(x.entries) && x.entries[last].hash == hash {
		last++
	}
	return x.entries[first:last]
}
