// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "slices"

// how says what code does to a field.
type how uint8

const (
	refers        how = iota // takes its address, reads or writes it
	uses32                   // reads or writes four bytes
	uses64                   // reads or writes eight bytes
	exchanges                // stores atomically
	onlyExchanges            // stores atomically, and does nothing else to it
)

// access is what one function does at one place.
type access struct {
	sizes     []int // of reads and writes other than exchanges, in bytes
	exchanged bool
}

// does says whether the access is of that kind.
func (a access) does(h how) bool {
	switch h {
	case uses32:
		return slices.Contains(a.sizes, 4)
	case uses64:
		return slices.Contains(a.sizes, 8)
	case exchanges:
		return a.exchanged
	case onlyExchanges:
		return a.exchanged && len(a.sizes) == 0
	}
	return true
}

// accessesOf sorts references by their places.
func accessesOf(references []reference) map[uint64]access {
	seen := make(map[uint64]access, len(references))
	for _, r := range references {
		a := seen[r.target]
		switch {
		case r.exchanged:
			a.exchanged = true
		case r.size != 0 && !slices.Contains(a.sizes, r.size):
			a.sizes = append(a.sizes, r.size)
		}
		seen[r.target] = a
	}
	return seen
}

// claim says what a function does to the variable at a distance from its start.
type claim struct {
	offset uint64
	how    how
}

// witness is one function: what is known of it, and what its code does.
type witness struct {
	claims []claim
	seen   map[uint64]access
}

// supports says whether the variable may stand at place, as far as the witness
// can tell.
func (w witness) supports(place uint64) bool {
	for _, c := range w.claims {
		if a, ok := w.seen[place+c.offset]; !ok || !a.does(c.how) {
			return false
		}
	}
	return true
}

// locate returns, in order, the places at which all that is claimed of the
// variable is true.
func locate(witnesses []witness) []uint64 {
	if len(witnesses) == 0 || len(witnesses[0].claims) == 0 {
		return nil
	}
	var places []uint64
	first := witnesses[0].claims[0]
	for target := range witnesses[0].seen {
		place := target - first.offset
		agreed := true
		for _, w := range witnesses {
			agreed = agreed && len(w.claims) > 0 && w.supports(place)
		}
		if agreed {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}
