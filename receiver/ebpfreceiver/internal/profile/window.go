// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
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
	stacks  map[string]int32 // by addresses as the process has them, to their place in order
	order   []string
	samples map[sampleKey]int64
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
	return &Window{start: start, stacks: make(map[string]int32), samples: make(map[sampleKey]int64)}
}

// Empty reports whether nothing was added.
func (w *Window) Empty() bool { return len(w.samples) == 0 }

// Add counts a sample. It reports false where the window has no room for one
// that differs from all others.
func (w *Window) Add(s *record.Sample) bool {
	stack, known := w.stacks[string(s.Stack)]
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
		text := string(s.Stack)
		w.stacks[text] = key.stack
		w.order = append(w.order, text)
	}
	w.samples[key] = 1
	return true
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
	for i, text := range w.order {
		made.Stacks[i] = places.stack([]byte(text))
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
func (r *resolver) stack(text []byte) []*Place {
	sample := record.Sample{Stack: text}
	places := make([]*Place, sample.Frames())
	for i := range places {
		addr := sample.Frame(i)
		if i > 0 {
			addr-- // into the call
		}
		places[i] = r.at(addr)
	}
	return places
}
