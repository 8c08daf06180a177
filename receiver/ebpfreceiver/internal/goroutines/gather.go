// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"cmp"
	"errors"
	"slices"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

const (
	// The runtime lays goroutines, and stacks, side by side. Pieces no further
	// apart than this, in bytes, are read as one, which costs less than two. It is
	// less than a page: each page that is read so holds some of a piece.
	goroutineGap, stackGap = 512, 2048
	maxSpan                = 64 << 10 // bytes that are read as one
	maxAddress             = 1 << 62  // no user address is as high
)

// piece is memory that is wanted for a slot.
type piece struct {
	slot          *slot
	address, size uint64
}

// span is memory that is read at once, with the pieces that it holds.
type span struct {
	start, end uint64
	pieces     []piece
}

// gather reads, for each of the pending slots, the memory that want asks for, and
// gives it; nothing where none is wanted or it cannot be read. What is given is
// valid until the arena is used again.
func (r *Reader) gather(arena *[]byte, gap uint64, want func(*slot) (address, size uint64), give func(*slot, []byte)) error {
	r.pieces = r.pieces[:0]
	for _, i := range r.pending {
		s := &r.batch[i]
		address, size := want(s)
		if give(s, nil); size > 0 && address < maxAddress {
			r.pieces = append(r.pieces, piece{s, address, size})
		}
	}
	total := r.join(gap)
	if uint64(len(*arena)) < total {
		*arena = make([]byte, total)
	}
	r.ranges = r.ranges[:0]
	rest := *arena
	for k, s := range r.spans {
		size := s.end - s.start
		r.ranges, rest = append(r.ranges, procmem.Range{Address: s.start, Buffer: rest[:size:size]}), rest[size:]
		r.failed[k] = false
	}
	if err := r.readMost(r.ranges, r.failed[:len(r.ranges)]); err != nil {
		return err
	}
	for k, s := range r.spans {
		for _, p := range s.pieces {
			data := r.ranges[k].Buffer[p.address-s.start:][:p.size]
			if r.failed[k] {
				alone := [1]procmem.Range{{Address: p.address, Buffer: data}}
				if err := r.target.Memory.ReadRanges(alone[:]); errors.Is(err, procmem.ErrFault) {
					continue
				} else if err != nil {
					return err
				}
			}
			give(p.slot, data)
		}
	}
	return nil
}

// join makes spans of the pieces and returns their length in all.
func (r *Reader) join(gap uint64) (total uint64) {
	slices.SortFunc(r.pieces, func(a, b piece) int { return cmp.Compare(a.address, b.address) })
	r.spans = r.spans[:0]
	for k, p := range r.pieces {
		end := p.address + p.size
		if n := len(r.spans); n > 0 {
			last := &r.spans[n-1]
			if p.address <= last.end+gap && end-last.start <= maxSpan {
				total += max(end, last.end) - last.end
				last.end = max(end, last.end)
				last.pieces = r.pieces[k-len(last.pieces) : k+1]
				continue
			}
		}
		r.spans = append(r.spans, span{start: p.address, end: end, pieces: r.pieces[k : k+1]})
		total += p.size
	}
	return total
}

// readMost fills the ranges that can be read, and tells in failed which cannot.
// The kernel stops at the first that is not mapped; halving finds it.
func (r *Reader) readMost(ranges []procmem.Range, failed []bool) error {
	err := r.target.Memory.ReadRanges(ranges)
	if err == nil || !errors.Is(err, procmem.ErrFault) {
		return err
	}
	if len(ranges) == 1 {
		failed[0] = true
		return nil
	}
	half := len(ranges) / 2
	if err := r.readMost(ranges[:half], failed[:half]); err != nil {
		return err
	}
	return r.readMost(ranges[half:], failed[half:])
}
