// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"encoding/binary"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// frames is how far up a stack is walked, as in bpf/scheduler.
const frames = 8

// parked is what was found out about a goroutine's wait. It holds while the
// goroutine is parked at the same place for the same reason.
type parked struct {
	state state
	cause ledger.Cause
	poll  uint64 // the last that asked
}

// walk follows the frame pointers of one parked goroutine.
type walk struct {
	sample  int // whose cause it decides
	address uint64
	state   state
	becomes ledger.Cause
	code    []plan.Range
	frame   uint64
	over    bool
}

// walker reads frames of many stacks at once: one system call a level.
type walker struct {
	memory *procmem.Process
	bias   uint64
	words  [][16]byte
	ranges []procmem.Range
}

// run walks them all and sets the causes of those that were parked by the code
// in question.
func (w *walker) run(walks []walk, samples []sample) {
	for range frames {
		if !w.read(walks) {
			return
		}
		for i := range walks {
			one := &walks[i]
			if one.over {
				continue
			}
			caller := binary.LittleEndian.Uint64(w.words[i][8:])
			if within(caller-w.bias, one.code) {
				samples[one.sample].cause = one.becomes
				one.over = true
				continue
			}
			one.frame = binary.LittleEndian.Uint64(w.words[i][:])
			one.over = one.frame == 0
		}
	}
}

// read fills words with the frame of each walk that goes on, and reports false
// where none does. A stack that cannot be read, because the goroutine runs on
// meanwhile, ends its walk and no other.
func (w *walker) read(walks []walk) bool {
	if len(w.words) < len(walks) {
		w.words = make([][16]byte, len(walks))
	}
	w.ranges = w.ranges[:0]
	for i := range walks {
		if !walks[i].over {
			w.ranges = append(w.ranges, procmem.Range{Address: walks[i].frame, Buffer: w.words[i][:]})
		}
	}
	if len(w.ranges) == 0 {
		return false
	}
	if w.memory.ReadRanges(w.ranges) == nil {
		return true
	}
	for i := range walks {
		one := &walks[i]
		one.over = one.over || w.memory.ReadAt(one.frame, w.words[i][:]) != nil
	}
	return true
}

// within reports whether a return address belongs to a call from the code.
func within(address uint64, code []plan.Range) bool {
	for _, r := range code {
		if address > r.Begin && address <= r.End {
			return true
		}
	}
	return false
}
