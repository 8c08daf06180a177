// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
)

// MaxTraces bounds the traces that are named of a group.
const MaxTraces = 8

// Origins are the traces in whose spans goroutines of a group were started, as
// far as that was seen.
type Origins struct {
	// Traces of the most goroutines come first; at most MaxTraces.
	Traces [][16]byte
	// Distinct is how many traces there are.
	Distinct int
	// Goroutines of the group whose trace is known.
	Goroutines int
}

// Origins finds those of a group, by the traces of goroutines by ID: of such that
// live, since IDs of members that have ended may still be there.
func (t *Tracker) Origins(g *Group, traces map[uint64][16]byte) Origins {
	counts := map[[16]byte]int{}
	var o Origins
	for i := range t.members {
		if m := &t.members[i]; m.group == g.number {
			if trace, ok := traces[m.id]; ok {
				counts[trace]++
				o.Goroutines++
			}
		}
	}
	o.Distinct = len(counts)
	o.Traces = slices.SortedFunc(maps.Keys(counts), func(a, b [16]byte) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), bytes.Compare(a[:], b[:]))
	})
	o.Traces = o.Traces[:min(len(o.Traces), MaxTraces)]
	return o
}
