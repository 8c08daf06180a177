// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"cmp"
	"slices"
	"sort"
)

// departed has the intervals of a process's spans that left, and forgets them
// in the order in which they left. It is asked at each collection and each stop
// of the world, with as many spans as leave within the retention.
type departed struct {
	blocks fifo[*block]
	latest int64 // no span since the list was last empty ended later
}

// blockSpans is the number of spans in a block: what is sorted at once, and
// what is scanned where a block is not sorted.
const blockSpans = 256

// block has spans that left one after the other.
type block struct {
	left      []Interval // in the order in which they left
	forgotten int        // that many of them
	// While the block is full: by start, each with the latest end up to there.
	reach []Interval
}

func (d *departed) empty() bool { return d.blocks.len() == 0 }

func (d *departed) push(interval Interval) {
	if d.empty() {
		d.latest = interval.End
	}
	d.latest = max(d.latest, interval.End)
	if d.empty() || len(d.blocks.last().left) == blockSpans {
		d.blocks.push(&block{})
	}
	b := d.blocks.last()
	b.left = append(b.left, interval)
	if len(b.left) == blockSpans && b.forgotten == 0 {
		b.index()
	}
}

// pop forgets the span that left first. There must be one.
func (d *departed) pop() {
	b := d.blocks.first()
	b.forgotten++
	b.reach = nil
	if b.forgotten == len(b.left) {
		d.blocks.pop()
	}
}

// overlap tells whether a span overlaps the interval. Facts come before their
// spans, so that the usual answer is that all spans ended before. Else it takes
// a binary search in each block at most.
func (d *departed) overlap(interval Interval) bool {
	if d.empty() || interval.Start >= d.latest {
		return false
	}
	blocks := d.blocks.all()
	for i := len(blocks) - 1; i >= 0; i-- { // a late fact concerns the newest spans
		if blocks[i].overlap(interval) {
			return true
		}
	}
	return false
}

// index prepares a full block for questions.
func (b *block) index() {
	// A span without a duration overlaps nothing.
	b.reach = slices.DeleteFunc(slices.Clone(b.left), func(i Interval) bool { return i.Start >= i.End })
	slices.SortFunc(b.reach, func(a, b Interval) int { return cmp.Compare(a.Start, b.Start) })
	for i := 1; i < len(b.reach); i++ {
		b.reach[i].End = max(b.reach[i].End, b.reach[i-1].End)
	}
}

func (b *block) overlap(interval Interval) bool {
	if b.reach == nil {
		return slices.ContainsFunc(b.left[b.forgotten:], func(i Interval) bool { return i.Overlap(interval) > 0 })
	}
	last := len(b.reach) - 1
	if last < 0 || b.reach[last].End <= interval.Start || interval.Start >= interval.End {
		return false
	}
	// Of the spans that begin before the interval ends, does one end after it begins?
	begun := sort.Search(len(b.reach), func(i int) bool { return b.reach[i].Start >= interval.End })
	return begun > 0 && b.reach[begun-1].End > interval.Start
}
