// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package allocations

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// Count is of objects and their bytes.
type Count struct{ Objects, Bytes int64 }

func (c *Count) add(other Count) {
	c.Objects += other.Objects
	c.Bytes += other.Bytes
}

// Scale estimates what was allocated from what was sampled of objects of one
// size, at a rate of one sample in so many bytes: as runtime/pprof does
// (scaleHeapSample in runtime/pprof/protomem.go), so that both tell the same.
func Scale(objects, size, rate uint64) Count {
	if objects == 0 || size == 0 {
		return Count{}
	}
	if rate <= 1 {
		return Count{int64(objects), int64(objects * size)}
	}
	scale := 1 / (1 - math.Exp(-float64(size)/float64(rate)))
	return Count{int64(float64(objects) * scale), int64(float64(objects*size) * scale)}
}

// Types of the values of a heap profile, by the names that Go's own have.
var (
	types      = []profile.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"}, {Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}}
	periodType = profile.ValueType{Type: "space", Unit: "bytes"}
)

// Site is a stack that allocates.
type Site struct {
	// Stack, innermost function first, without those of the runtime that allocate
	// for their caller.
	Stack []*profile.Place
	// Allocated since the reading before, or since the process started.
	Allocated Count
	// InUse is what has not been freed.
	InUse Count
}

// maxKept bounds the frames of all stacks that are kept of a process, on whatever
// its memory holds: those of a large program are some hundred thousand.
const maxKept = 1 << 20

// Sites keeps the buckets of one process from one reading to the next. It is not
// safe for concurrent use.
type Sites struct {
	start   time.Time
	last    time.Time
	known   map[uint64]*knownBucket
	places  map[uint64]*profile.Place
	changed map[string]*Site // since the reading before, by their stacks
	reading Reading
	frames  int  // of all that are known
	full    bool // the reading has one more than is kept
}

type knownBucket struct {
	stack               []*profile.Place
	key                 string // the stack's addresses
	size, allocs, frees uint64
	before              uint64 // allocs at the last reading that did not fail
}

// NewSites begins with a process that started then.
func NewSites(start time.Time) *Sites {
	return &Sites{start: start, last: start, known: make(map[uint64]*knownBucket), places: make(map[uint64]*profile.Place)}
}

// Read reads the process, and returns since when it was not.
func (s *Sites) Read(r *Reader, l *Layout, memory Memory, target profile.Target, now time.Time) (since time.Time, err error) {
	s.changed, s.full = make(map[string]*Site), false
	s.reading, err = r.Read(l, memory, target.Bias, func(b *Bucket) { s.take(b, target) })
	if err != nil {
		return s.last, err
	}
	s.reading.Cut = s.reading.Cut || s.full
	for _, known := range s.known {
		if site, ok := s.changed[known.key]; ok {
			site.Allocated.add(Scale(known.allocs-known.before, known.size, s.reading.Rate))
			site.InUse.add(Scale(known.allocs-known.frees, known.size, s.reading.Rate))
		}
		known.before = known.allocs
	}
	since, s.last = s.last, now
	return since, nil
}

// Reading is what the last one was like.
func (s *Sites) Reading() Reading { return s.reading }

func (s *Sites) take(b *Bucket, target profile.Target) {
	known, ok := s.known[b.Address]
	if !ok && s.frames+len(b.Stack) > maxKept {
		s.full = true
		return
	}
	if !ok {
		s.frames += len(b.Stack)
		known = &knownBucket{size: b.Size, key: keyOf(b.Stack)}
		known.stack = s.stack(b.Stack, target)
		s.known[b.Address] = known
	}
	known.allocs, known.frees = max(b.Allocs, known.allocs), b.Frees
	if known.allocs > known.before && s.changed[known.key] == nil {
		s.changed[known.key] = &Site{Stack: known.stack}
	}
}

func keyOf(stack []uint64) string {
	key := make([]byte, 0, len(stack)*wordSize)
	for _, addr := range stack {
		key = binary.LittleEndian.AppendUint64(key, addr)
	}
	return string(key)
}

// stack finds the calls of a bucket, and leaves out those of the runtime at the
// inner end, unless there are no others (printCountProfile of runtime/pprof does
// likewise).
func (s *Sites) stack(addresses []uint64, target profile.Target) []*profile.Place {
	places := make([]*profile.Place, len(addresses))
	for i, addr := range addresses {
		place, ok := s.places[addr]
		if !ok {
			place = target.Call(addr - 1)
			s.places[addr] = place
		}
		places[i] = place
	}
	places = profile.WithoutExit(places)
	first := slices.IndexFunc(places, func(p *profile.Place) bool { return !isRuntime(p) })
	return places[max(first, 0):]
}

func isRuntime(p *profile.Place) bool {
	if len(p.Calls) == 0 {
		return false
	}
	name := p.Calls[0].Function
	return strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/runtime/")
}

// Top are the sites that allocated most bytes since the reading before, at most n.
func (s *Sites) Top(n int) []Site {
	sites := make([]Site, 0, len(s.changed))
	for _, site := range s.changed {
		sites = append(sites, *site)
	}
	slices.SortFunc(sites, func(a, b Site) int { return cmp.Compare(b.Allocated.Bytes, a.Allocated.Bytes) })
	return sites[:min(n, len(sites))]
}

// Profile is that of the heap, since the process started.
func (s *Sites) Profile(target profile.Target) *profile.Profile {
	made := &profile.Profile{
		Start: s.start, End: s.last, Types: types, Period: int64(s.reading.Rate), PeriodType: periodType,
		Stacks: make([][]*profile.Place, 0, len(s.known)), Samples: make([]profile.Sample, 0, len(s.known)),
	}
	made.TextBegin, made.TextEnd = target.Code.Text()
	for _, known := range s.known {
		all := Scale(known.allocs, known.size, s.reading.Rate)
		used := Scale(known.allocs-known.frees, known.size, s.reading.Rate)
		made.Samples = append(made.Samples, profile.Sample{
			Stack: len(made.Stacks), Values: []int64{all.Objects, all.Bytes, used.Objects, used.Bytes},
		})
		made.Stacks = append(made.Stacks, known.stack)
	}
	return made
}
