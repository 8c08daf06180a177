// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"encoding/hex"

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
// are of one process and of the same types, oldest first.
func Pprof(executable string, profiles []*Profile) *profile.Profile {
	w := pprofWriter{
		made:      &profile.Profile{},
		locations: make(map[*Place]*profile.Location),
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

type pprofWriter struct {
	made      *profile.Profile
	mapping   *profile.Mapping
	locations map[*Place]*profile.Location
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
	stacks := make([][]*profile.Location, len(p.Stacks))
	for i, stack := range p.Stacks {
		for _, place := range stack {
			stacks[i] = append(stacks[i], w.location(place))
		}
	}
	for _, s := range p.Samples {
		w.made.Sample = append(w.made.Sample, &profile.Sample{
			Location: stacks[s.Stack], Value: s.Values, Label: s.labels(), NumLabel: s.numbers(),
		})
	}
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
	if known, ok := w.locations[place]; ok {
		return known
	}
	made := &profile.Location{ID: uint64(len(w.locations) + 1), Address: place.Address}
	for _, call := range place.Calls {
		made.Mapping = w.mapping
		made.Line = append(made.Line, profile.Line{Function: w.function(call.Function, call.File), Line: int64(call.Line)})
	}
	w.locations[place] = made
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
