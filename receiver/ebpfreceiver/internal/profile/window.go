// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"maps"
	"slices"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// maxDistinct bounds the samples of one window that differ. At 97 a second that
// is a whole minute of ten busy CPUs.
const maxDistinct = 1 << 16

// Window gathers the samples of one process from its start on. It is not safe
// for concurrent use.
type Window struct {
	start   time.Time
	stacks  map[stackKey]int32 // to their place in order
	order   []stackKey
	samples map[sampleKey]int64
}

// stackKey is a stack by its addresses as the process has them.
type stackKey struct {
	addresses string
	top       uint64 // where the innermost function returns to, if it has no frame, else 0
}

// sampleKey is what samples share that are told as one.
type sampleKey struct {
	stack int32
	Owner
}

// Owner is who executed, as far as that is known.
type Owner struct {
	ThreadID    uint32
	GoroutineID uint64
	TraceID     [16]byte
	SpanID      [8]byte
}

// NewWindow makes an empty one.
func NewWindow(start time.Time) *Window {
	return &Window{start: start, stacks: make(map[stackKey]int32), samples: make(map[sampleKey]int64)}
}

// Empty reports whether nothing was added.
func (w *Window) Empty() bool { return len(w.samples) == 0 }

// Add counts a sample of the target. It reports false where the window has no room for one
// that differs from all others.
func (w *Window) Add(s *record.Sample, target Target) bool {
	top := target.top(s)
	stack, known := w.stacks[stackKey{string(s.Stack), top}]
	key := sampleKey{stack, Owner{s.TID, s.GoroutineID, s.TraceID, s.SpanID}}
	if known {
		if _, ok := w.samples[key]; ok {
			w.samples[key]++
			return true
		}
	}
	if len(w.samples) >= maxDistinct {
		return false
	}
	if !known {
		key.stack = int32(len(w.order))
		made := stackKey{string(s.Stack), top}
		w.stacks[made] = key.stack
		w.order = append(w.order, made)
	}
	w.samples[key] = 1
	return true
}

// Snapshot is what the window has now, to make a profile of while samples are
// added. None are added to it.
func (w *Window) Snapshot() *Window {
	return &Window{start: w.start, order: slices.Clone(w.order), samples: maps.Clone(w.samples)}
}

// Profile is the CPU time of the samples up to the end, one of which stands for
// a period.
func (w *Window) Profile(target Target, end time.Time, period time.Duration) *Profile {
	made := &Profile{
		Start: w.start, End: end, Types: []ValueType{CPUTime}, Period: int64(period), PeriodType: CPUTime,
		Stacks: make([][]*Place, len(w.order)), Samples: make([]Sample, 0, len(w.samples)),
	}
	made.TextBegin, made.TextEnd = target.Code.Text()
	places := resolver{target: target, foreign: make(map[uint64]*Place)}
	for i, stack := range w.order {
		made.Stacks[i] = places.stack(stack)
	}
	for key, count := range w.samples {
		made.Samples = append(made.Samples, Sample{
			Stack: int(key.stack), Owner: key.Owner, Values: []int64{count * int64(period)},
		})
	}
	return made
}

// stack finds the places of a sample's stack: where it was interrupted, and the
// calls that return to the other addresses.
func (r *resolver) stack(key stackKey) []*Place {
	sample := record.Sample{Stack: []byte(key.addresses)}
	places := make([]*Place, 0, sample.Frames()+1)
	for i := range sample.Frames() {
		switch addr := sample.Frame(i); {
		case i > 0:
			places = append(places, r.at(addr-1)) // into the call
		case key.top != 0:
			places = append(places, r.at(addr), r.at(key.top-1))
		default:
			places = append(places, r.at(addr))
		}
	}
	return WithoutExit(places)
}

// top is where the innermost function of a sample returns to, if it has no frame.
func (t Target) top(s *record.Sample) uint64 {
	if s.Frames() == 0 || s.Top == 0 {
		return 0
	}
	place := t.Code.place(t.Executable, s.Frame(0)-t.Bias)
	if place == nil || !place.frameless || !t.Code.lines.Contains(s.Top-t.Bias) {
		return 0
	}
	return s.Top
}
