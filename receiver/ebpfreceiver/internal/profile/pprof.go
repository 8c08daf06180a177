// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/google/pprof/profile"
)

// Labels of samples in the format of pprof.
const (
	LabelTraceID   = "trace_id"
	LabelSpanID    = "span_id"
	LabelGoroutine = "goroutine"
	LabelThread    = "thread"
)

// Pprof is one profile in the format of pprof, of all of the given ones, which
// are of one process and of the same types, oldest first. What they have of one
// stack and owner is one sample.
func Pprof(executable string, profiles []*Profile) *profile.Profile {
	w := pprofWriter{
		made:      &profile.Profile{},
		locations: make(map[*Place]*profile.Location),
		foreign:   make(map[uint64]*profile.Location),
		stacks:    make(map[string]int),
		samples:   make(map[pprofKey]*profile.Sample),
		functions: make(map[functionKey]*profile.Function),
		mapping:   &profile.Mapping{ID: 1, File: executable, HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true},
	}
	for i, p := range profiles {
		if i == 0 {
			w.begin(p)
		}
		w.made.DurationNanos += p.End.Sub(p.Start).Nanoseconds()
		w.add(p)
	}
	w.made.Mapping = []*profile.Mapping{w.mapping}
	return w.made
}

type functionKey struct{ name, file string }

// pprofKey is what samples share that are told as one.
type pprofKey struct {
	stack int
	Owner
}

type pprofWriter struct {
	made      *profile.Profile
	mapping   *profile.Mapping
	locations map[*Place]*profile.Location // of Go
	foreign   map[uint64]*profile.Location // what is not Go's, by its address
	stacks    map[string]int               // by the IDs of their locations
	samples   map[pprofKey]*profile.Sample
	functions map[functionKey]*profile.Function
}

func (w *pprofWriter) begin(p *Profile) {
	for _, t := range p.Types {
		w.made.SampleType = append(w.made.SampleType, &profile.ValueType{Type: t.Type, Unit: t.Unit})
	}
	w.made.PeriodType = &profile.ValueType{Type: p.PeriodType.Type, Unit: p.PeriodType.Unit}
	w.made.Period = p.Period
	w.made.TimeNanos = p.Start.UnixNano()
	w.mapping.Start, w.mapping.Limit = p.TextBegin, p.TextEnd
}

func (w *pprofWriter) add(p *Profile) {
	stacks, numbers := make([][]*profile.Location, len(p.Stacks)), make([]int, len(p.Stacks))
	for i, stack := range p.Stacks {
		stacks[i], numbers[i] = w.stack(stack)
	}
	for _, s := range p.Samples {
		key := pprofKey{numbers[s.Stack], s.Owner}
		if known, ok := w.samples[key]; ok {
			for i, value := range s.Values {
				known.Value[i] += value
			}
			continue
		}
		made := &profile.Sample{
			Location: stacks[s.Stack], Value: slices.Clone(s.Values), Label: s.labels(), NumLabel: s.numbers(),
		}
		w.samples[key] = made
		w.made.Sample = append(w.made.Sample, made)
	}
}

// stack is one as pprof has it, with a number that equal ones share.
func (w *pprofWriter) stack(places []*Place) (made []*profile.Location, number int) {
	made = make([]*profile.Location, len(places))
	key := make([]byte, 0, 4*len(places))
	for i, place := range places {
		made[i] = w.location(place)
		key = binary.LittleEndian.AppendUint32(key, uint32(made[i].ID))
	}
	number, ok := w.stacks[string(key)]
	if !ok {
		number = len(w.stacks)
		w.stacks[string(key)] = number
	}
	return made, number
}

func (o *Owner) labels() map[string][]string {
	if o.TraceID == [16]byte{} {
		return nil
	}
	return map[string][]string{
		LabelTraceID: {hex.EncodeToString(o.TraceID[:])}, LabelSpanID: {hex.EncodeToString(o.SpanID[:])},
	}
}

func (o *Owner) numbers() map[string][]int64 {
	if o.ThreadID == 0 && o.GoroutineID == 0 {
		return nil
	}
	numbers := make(map[string][]int64, 2)
	if o.ThreadID != 0 {
		numbers[LabelThread] = []int64{int64(o.ThreadID)}
	}
	if o.GoroutineID != 0 {
		numbers[LabelGoroutine] = []int64{int64(o.GoroutineID)}
	}
	return numbers
}

func (w *pprofWriter) location(place *Place) *profile.Location {
	known, ok := w.locations[place]
	if len(place.Calls) == 0 {
		known, ok = w.foreign[place.Address] // each profile has a place of its own for it
	}
	if ok {
		return known
	}
	made := &profile.Location{ID: uint64(len(w.made.Location) + 1), Address: place.Address}
	for _, call := range place.Calls {
		made.Mapping = w.mapping
		made.Line = append(made.Line, profile.Line{Function: w.function(call.Function, call.File), Line: int64(call.Line)})
	}
	if len(place.Calls) == 0 {
		w.foreign[place.Address] = made
	} else {
		w.locations[place] = made
	}
	w.made.Location = append(w.made.Location, made)
	return made
}

func (w *pprofWriter) function(name, file string) *profile.Function {
	key := functionKey{name, file}
	if known, ok := w.functions[key]; ok {
		return known
	}
	made := &profile.Function{ID: uint64(len(w.functions) + 1), Name: name, SystemName: name, Filename: file}
	w.functions[key] = made
	w.made.Function = append(w.made.Function, made)
	return made
}
