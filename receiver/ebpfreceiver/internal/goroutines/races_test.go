// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// Races cannot be made to happen at will in a real process: what follows is
// memory that changes between two given reads. TestAChurningProcess has a real one.

const (
	fakePlace  = 0x1000
	fakeLength = 0x1008
	fakeList   = 0x2000
	fakeG      = 0x10000
	fakeGSize  = 0x100
	fakeStack  = 0x80000
	fakeFrame  = fakeStack + 0xf00
	fakeCaller = 0x7000 // return address of the frame
)

// fakeMemory is memory from 0 on, of which nothing beyond its end is mapped.
type fakeMemory struct {
	bytes  []byte
	reads  int
	before func(m *fakeMemory, read int) // each read, counted from 1
}

func (m *fakeMemory) ReadRanges(ranges []procmem.Range) error {
	m.reads++
	if m.before != nil {
		m.before(m, m.reads)
	}
	for _, r := range ranges {
		if len(r.Buffer) == 0 {
			continue
		}
		if r.Address >= uint64(len(m.bytes)) || uint64(len(m.bytes))-r.Address < uint64(len(r.Buffer)) {
			return procmem.ErrFault
		}
		copy(r.Buffer, m.bytes[r.Address:])
	}
	return nil
}

func (m *fakeMemory) put(address, word uint64) {
	binary.LittleEndian.PutUint64(m.bytes[address:], word)
}

func (m *fakeMemory) get(address uint64) uint64 { return binary.LittleEndian.Uint64(m.bytes[address:]) }

func fakeFields() fields {
	return fields{
		stackLow: 0, stackHigh: 8, sp: 16, pc: 24, bp: 32, status: 40, id: 48, reason: 56, sequence: 57,
		created: 64, start: 72, parent: 80, syscallSP: 88, syscallPC: 96, syscallBP: 104,
	}
}

func fakeLayout() *Layout {
	return &Layout{
		list: fakePlace, length: fakeLength, window: 112, fields: fakeFields(),
		reasons: map[uint8]string{19: "chan receive"}, places: newPlaces(&goexec.Lines{}),
	}
}

// newFakeMemory has n goroutines that wait, with goids from 1 on.
func newFakeMemory(n uint64) *fakeMemory {
	m := &fakeMemory{bytes: make([]byte, 1<<20)}
	m.put(fakePlace, fakeList)
	m.put(fakeLength, n)
	for i := range n {
		m.put(fakeList+8*i, fakeG+fakeGSize*i)
		m.park(i, i+1, fakeFrame)
	}
	m.put(fakeFrame, 0)
	m.put(fakeFrame+8, fakeCaller)
	return m
}

func (m *fakeMemory) park(i, id, frame uint64) {
	g, f := fakeG+fakeGSize*i, fakeFields()
	m.put(g+f.stackLow, fakeStack)
	m.put(g+f.stackHigh, fakeStack+0x1000)
	m.put(g+f.pc, 0x6000)
	m.put(g+f.bp, frame)
	m.put(g+f.status, uint64(waiting))
	m.put(g+f.id, id)
	m.put(g+f.reason, 19)
	m.put(g+f.created, 0x5001)
	m.put(g+f.start, 0x5100)
	m.put(g+f.parent, 1)
}

func (m *fakeMemory) set(i, offset, word uint64) { m.put(fakeG+fakeGSize*i+offset, word) }

func readFake(m Memory, limits Limits) (*Tracker, error) {
	tracker := NewTracker(limits, time.Now())
	target := Target{Layout: fakeLayout(), Memory: m, Open: func() (Executable, error) { return nil, errors.New("nothing to open") }}
	return tracker, NewReader(limits).Read(target, tracker, time.Now())
}

// The reads of a dump of one batch: the list, then the list, its elements and
// the list again; the goroutines; their stacks; the goroutines again.
const (
	readElements = 3
	readAgain    = 4
	readWindows  = 5
	readStacks   = 6
	readConfirm  = 7
)

func at(read int, change func(m *fakeMemory)) func(*fakeMemory, int) {
	return func(m *fakeMemory, n int) {
		if n == read {
			change(m)
		}
	}
}

func TestWhatChangesWhileItIsRead(t *testing.T) {
	f := fakeFields()
	waits := Key{Created: 0x5000, Top: fakeCaller - 1, State: 19}
	for name, test := range map[string]struct {
		before func(*fakeMemory, int)
		groups map[Key]int
		losses [NumLosses]uint64
	}{
		"nothing": {nil, map[Key]int{waits: 3}, [NumLosses]uint64{}},
		"one ended": {at(readConfirm, func(m *fakeMemory) { m.set(1, f.status, uint64(dead)) }),
			map[Key]int{waits: 2}, [NumLosses]uint64{Reused: 1}},
		"one ended and became another": {at(readStacks, func(m *fakeMemory) { m.set(1, f.id, 99) }),
			map[Key]int{waits: 2}, [NumLosses]uint64{Reused: 1}},
		"one ran and waits as before": {at(readStacks, func(m *fakeMemory) { m.set(1, f.sequence-1, 19|1<<8) }),
			map[Key]int{waits: 3}, [NumLosses]uint64{}},
		"one runs": {at(readConfirm, func(m *fakeMemory) { m.set(1, f.status, uint64(running)) }),
			map[Key]int{waits: 2, {Created: 0x5000, State: stateOf(running, 0)}: 1}, [NumLosses]uint64{}},
		"one never stands still": {func(m *fakeMemory, n int) { m.set(1, f.sequence-1, 19|uint64(n)<<8) },
			map[Key]int{waits: 2, {Created: 0x5000, State: stateOf(running, 0)}: 1}, [NumLosses]uint64{}},
		"a stack is moved": {at(readStacks, func(m *fakeMemory) {
			m.put(fakeStack+0x408, 0x7777)
			m.set(1, f.bp, fakeStack+0x400)
		}), map[Key]int{waits: 2, {Created: 0x5000, Top: 0x7776, State: 19}: 1}, [NumLosses]uint64{}},
		"a stack is unmapped": {at(readStacks, func(m *fakeMemory) { m.bytes = m.bytes[:fakeFrame] }),
			map[Key]int{{Created: 0x5000, State: 19}: 3}, [NumLosses]uint64{}},
		"no goroutine": {at(1, func(m *fakeMemory) { m.set(1, f.status, 77) }),
			map[Key]int{waits: 2}, [NumLosses]uint64{Implausible: 1}},
		"an unmapped one": {at(1, func(m *fakeMemory) { m.put(fakeList+8, 1<<40) }),
			map[Key]int{waits: 2}, [NumLosses]uint64{Implausible: 1}},
		"an odd one": {at(1, func(m *fakeMemory) { m.put(fakeList+8, fakeG+3) }),
			map[Key]int{waits: 2}, [NumLosses]uint64{Implausible: 1}},
		"the list is moved": {at(readAgain, func(m *fakeMemory) {
			copy(m.bytes[fakeList+0x800:], m.bytes[fakeList:fakeList+0x100])
			clear(m.bytes[fakeList : fakeList+0x100])
			m.put(fakePlace, fakeList+0x800)
		}), map[Key]int{waits: 3}, [NumLosses]uint64{}},
		"frames in a circle": {at(1, func(m *fakeMemory) { m.put(fakeFrame, fakeFrame) }),
			map[Key]int{waits: 3}, [NumLosses]uint64{}},
	} {
		t.Run(name, func(t *testing.T) {
			memory := newFakeMemory(3)
			memory.before = test.before
			tracker, err := readFake(memory, DefaultLimits())
			require.NoError(t, err)
			groups := map[Key]int{}
			for key, g := range tracker.groups {
				groups[key] = g.count
			}
			require.Equal(t, test.groups, groups)
			require.Equal(t, test.losses, tracker.TakeLosses())
		})
	}
}

func TestAListThatCannotBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		before func(*fakeMemory, int)
		want   error
	}{
		"moves all the time": {func(m *fakeMemory, n int) {
			m.put(fakePlace, m.get(fakePlace)+8)
		}, ErrUnsettled},
		"its elements are unmapped": {at(readElements, func(m *fakeMemory) { m.put(fakePlace, 1<<40) }), ErrUnsettled},
		"none yet":                  {at(1, func(m *fakeMemory) { m.put(fakePlace, 0) }), ErrImplausible},
		"longer than any":           {at(1, func(m *fakeMemory) { m.put(fakeLength, maxLength+1) }), ErrImplausible},
		"at an odd address":         {at(1, func(m *fakeMemory) { m.put(fakePlace, fakeList+1) }), ErrImplausible},
		"unmapped":                  {at(1, func(m *fakeMemory) { m.bytes = nil }), procmem.ErrFault},
	} {
		t.Run(name, func(t *testing.T) {
			memory := newFakeMemory(3)
			memory.before = test.before
			_, err := readFake(memory, DefaultLimits())
			require.ErrorIs(t, err, test.want)
		})
	}
}

// Whatever the memory of a process holds, a dump ends within its bounds.
func FuzzRead(f *testing.F) {
	f.Add(newFakeMemory(3).bytes[:fakeStack+0x1000], uint64(0))
	f.Add(make([]byte, 0x3000), uint64(8))
	f.Fuzz(func(t *testing.T, data []byte, shift uint64) {
		memory := &fakeMemory{bytes: append([]byte(nil), data...)}
		memory.before = func(m *fakeMemory, n int) {
			if at := fakePlace + 16*uint64(n) + shift%0x8000; at+8 <= uint64(len(m.bytes)) {
				m.put(at, m.get(at)+shift)
			}
		}
		limits := Limits{Goroutines: 1000, Groups: 10, Frames: 20}
		tracker, err := readFake(memory, limits)
		if err == nil {
			require.LessOrEqual(t, tracker.Live(), limits.Goroutines)
		}
		require.LessOrEqual(t, len(tracker.groups), limits.Groups)
		require.LessOrEqual(t, len(tracker.members), limits.Goroutines)
		for _, g := range tracker.Top(fakeLayout(), 100) {
			require.LessOrEqual(t, len(g.Stack), limits.Frames)
			require.NotEmpty(t, g.Stacktrace())
		}
	})
}

func FuzzWalk(f *testing.F) {
	f.Add([]byte{0x10, 0, 0, 0, 0, 0, 0, 0, 1}, uint64(0), uint64(64))
	f.Fuzz(func(t *testing.T, stack []byte, low, size uint64) {
		g := goroutine{pc: 1, bp: low, stackLow: low, stackHigh: low + size}
		visits, last := 0, uint64(0)
		walk(&g, func(fp uint64) (uint64, uint64, bool) {
			require.True(t, g.onStack(fp))
			require.True(t, visits == 1 || fp > last, "upwards only")
			last = fp
			offset := fp - low
			if offset > uint64(len(stack)) || uint64(len(stack))-offset < frameSize {
				return 0, 0, false
			}
			return binary.LittleEndian.Uint64(stack[offset:]), binary.LittleEndian.Uint64(stack[offset+8:]), true
		}, func(uint64) bool { visits++; return true })
		require.LessOrEqual(t, visits, len(stack)/8+2)
	})
}
