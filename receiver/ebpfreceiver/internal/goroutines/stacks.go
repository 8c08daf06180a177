// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// readWindows reads what the slots of a batch hold and notes as pending those
// that have a goroutine.
func (r *Reader) readWindows(batch []slot) error {
	layout := r.target.Layout
	r.pending = r.pending[:0]
	for i := range batch {
		batch[i].outcome, batch[i].top, batch[i].frames, batch[i].cut = absent, 0, nil, false
		if batch[i].address == 0 || batch[i].address%8 != 0 {
			batch[i].outcome = invalid
			continue
		}
		r.pending = append(r.pending, i)
	}
	err := r.gather(&r.windows, goroutineGap,
		func(s *slot) (uint64, uint64) { return s.address, layout.window },
		func(s *slot, data []byte) { s.window = data })
	if err != nil {
		return fmt.Errorf("read goroutines: %w", err)
	}
	kept := r.pending[:0]
	for _, i := range r.pending {
		s := &batch[i]
		if len(s.window) == 0 {
			s.outcome = invalid
			continue
		}
		if s.g = layout.fields.decode(s.window); !s.g.status.known() {
			s.outcome = invalid
			continue
		}
		if !s.g.status.alive() {
			continue
		}
		begins, err := r.place(s.g.start - r.target.Bias)
		if err != nil {
			return err
		}
		if !begins.system {
			kept = append(kept, i)
		}
	}
	r.pending = kept
	return nil
}

// readStacks walks the stacks of the pending slots.
func (r *Reader) readStacks(into *Tracker) error {
	err := r.gather(&r.stacks, stackGap, func(s *slot) (uint64, uint64) {
		if !s.g.hasStack() {
			return 0, 0
		}
		return s.g.bp, min(chunkSize, s.g.stackHigh-s.g.bp)
	}, func(s *slot, data []byte) { s.stack = data })
	if err != nil {
		return fmt.Errorf("read stacks: %w", err)
	}
	for _, i := range r.pending {
		s := &r.batch[i]
		s.top, s.frames, s.cut = 0, nil, false
		if len(s.stack) == 0 {
			continue
		}
		if err := r.climb(s, into); err != nil {
			return err
		}
	}
	return nil
}

// climb finds the place in which a goroutine waits, and all frames where the
// tracker has no stack of its group yet.
func (r *Reader) climb(s *slot, into *Tracker) (err error) {
	c := &r.chunk
	c.begin(s)
	from, depth, known := len(r.frames), 0, false
	walk(&s.g, func(fp uint64) (uint64, uint64, bool) {
		var caller, ret uint64
		var ok bool
		caller, ret, ok, err = c.frame(r.target.Memory, &s.g, fp)
		return caller, ret, ok && err == nil
	}, func(pc uint64) bool {
		at := pc - r.target.Bias - 1
		if depth++; depth > r.limits.Frames {
			s.cut = true
			return false
		}
		here, placeErr := r.place(at)
		if placeErr != nil {
			err = placeErr
			return false
		}
		if !known && !isExit(here) { // until a frame that does not wait, the outermost is what there is
			s.top = at
			known = len(here.calls) > 0 && !here.waits
		}
		r.frames = append(r.frames, at)
		return !known || !into.knows(r.key(s))
	})
	if into.knows(r.key(s)) {
		r.frames, s.cut = r.frames[:from], false
	}
	s.frames = r.frames[from:len(r.frames):len(r.frames)]
	return err
}

// isExit says whether a frame is that to which every goroutine returns.
func isExit(p *place) bool { return len(p.calls) > 0 && p.calls[0].Function == "runtime.goexit" }

// place tells of an instruction; the executable is opened for one that is new.
func (r *Reader) place(addr uint64) (*place, error) {
	places := r.target.Layout.places
	if found, ok := places.look(addr); ok {
		return found, nil
	}
	if r.file == nil {
		file, err := r.target.Open()
		if err != nil {
			return nil, fmt.Errorf("open the executable for the source of stacks: %w", err)
		}
		r.file = file
	}
	return places.find(addr, r.file), nil
}

// confirm reads the goroutines again and leaves those pending that have changed
// since their stacks were read, with what they are now.
func (r *Reader) confirm() error {
	layout := r.target.Layout
	err := r.gather(&r.windows, goroutineGap,
		func(s *slot) (uint64, uint64) { return s.address, layout.window },
		func(s *slot, data []byte) { s.window = data })
	if err != nil {
		return fmt.Errorf("read goroutines again: %w", err)
	}
	kept := r.pending[:0]
	for _, i := range r.pending {
		s := &r.batch[i]
		if len(s.window) == 0 {
			s.outcome = lost
			continue
		}
		after := layout.fields.decode(s.window)
		switch {
		case after.id != s.g.id || after.created != s.g.created || !after.status.alive():
			s.outcome = lost
		case after == s.g || len(s.stack) == 0 && !after.hasStack():
			s.outcome = present
		default:
			s.g = after
			kept = append(kept, i)
		}
	}
	r.pending = kept
	return nil
}

// chunk is a piece of a stack that is deeper than what was read at once.
type chunk struct {
	buffer []byte
	start  uint64
	data   []byte
	ranges [1]procmem.Range
}

func (c *chunk) begin(s *slot) { c.start, c.data = s.g.bp, s.stack }

// frame reads two words of g's stack.
func (c *chunk) frame(memory Memory, g *goroutine, fp uint64) (caller, ret uint64, ok bool, err error) {
	if fp < c.start || fp-c.start+frameSize > uint64(len(c.data)) {
		c.start, c.data = fp, c.buffer[:min(chunkSize, g.stackHigh-fp)]
		c.ranges[0] = procmem.Range{Address: fp, Buffer: c.data}
		if err := memory.ReadRanges(c.ranges[:]); err != nil {
			c.data = nil
			if errors.Is(err, procmem.ErrFault) {
				return 0, 0, false, nil
			}
			return 0, 0, false, fmt.Errorf("read a stack: %w", err)
		}
	}
	words := c.data[fp-c.start:]
	return binary.LittleEndian.Uint64(words), binary.LittleEndian.Uint64(words[8:]), true, nil
}
