// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sdkspan"
)

// SDKs remember what the spans of the SDKs in processes share. They outlive
// batches, and are for one goroutine.
type SDKs struct {
	layout  func(pid int) *plan.SDKLayout
	report  SDKReport
	tracers map[int]tracersOf // by the ID of the process
}

// tracersOf are what is known of the tracers in one process.
type tracersOf struct {
	process *discover.Process
	tracers sdkspan.Tracers
}

// SDKReport counts what is not whole.
type SDKReport interface {
	// Unreadable tells of a span that cannot be told.
	Unreadable()
	// Cut tells what was left out of a span or its tracer.
	Cut(sdkspan.Cut)
	// Unscoped tells of a span that is told without its scope and resource.
	Unscoped()
}

// NewSDKs makes one for processes whose layouts are given, nil where a process has
// none. It goes on with what the one before remembers, if there was one.
func NewSDKs(layout func(pid int) *plan.SDKLayout, report SDKReport, before *SDKs) *SDKs {
	s := &SDKs{layout: layout, report: report, tracers: make(map[int]tracersOf)}
	if before != nil {
		s.tracers = before.tracers
	}
	return s
}

// Forget ends what is remembered of a process. Of a program that the process has
// executed since, all stays.
func (s *SDKs) Forget(p *discover.Process) {
	if s.tracers[p.PID].process == p {
		delete(s.tracers, p.PID)
	}
}

// of are the tracers of a process. Those of a program that had its ID before are
// others, though they may have the same addresses.
func (s *SDKs) of(p *discover.Process) sdkspan.Tracers {
	known, ok := s.tracers[p.PID]
	if !ok || !known.process.SameProgram(p) {
		known.tracers = sdkspan.Tracers{}
	}
	if known.process != p {
		known.process = p
		s.tracers[p.PID] = known
	}
	return known.tracers
}

// tracer is the one that made the span, which the record tells or an earlier one
// told; nil where none did.
func (s *SDKs) tracer(p *discover.Process, r *record.SDKSpan, l *plan.SDKLayout) *sdkspan.Tracer {
	known := s.of(p)
	told, cut, ok := sdkspan.ReadTracer(r.Image, l)
	if !ok {
		if known[r.Tracer] == nil {
			s.report.Unscoped()
		}
		return known[r.Tracer]
	}
	if !cut.None() {
		s.report.Cut(cut)
	}
	known.Put(r.Tracer, told)
	return told
}

// addSDKSpan tells a span of an SDK as the SDK's own exporter would, with its time
// ledger.
func (b *Batch) addSDKSpan(p *discover.Process, r *record.SDKSpan) {
	layout := b.sdks.layout(p.PID)
	if layout == nil {
		b.sdks.report.Unreadable()
		return
	}
	span := ptrace.NewSpan()
	cut, ok := sdkspan.Read(span, r.Image, layout)
	if !ok {
		b.sdks.report.Unreadable()
		return
	}
	if !cut.None() {
		b.sdks.report.Cut(cut)
	}
	putFittedLedger(span, &r.Span)
	putChildren(span.Attributes(), &r.Span)
	putSpent(span.Attributes(), &r.Span)
	span.MoveTo(b.scopedSpans(p, b.sdks.tracer(p, r, layout)).AppendEmpty())
}

// putFittedLedger writes a ledger that sums to the span's own duration, which the
// SDK took at other moments than the probes.
func putFittedLedger(span ptrace.Span, s *record.Span) {
	if s.GoroutineID != 0 {
		span.Attributes().PutInt(events.GoroutineID, int64(s.GoroutineID))
	}
	source, ok := s.Source()
	if !ok || span.EndTimestamp() < span.StartTimestamp() {
		return
	}
	fitted := s.Ledger
	fitted.Fit(uint64(span.EndTimestamp() - span.StartTimestamp()))
	fitted.Put(span.Attributes(), source)
}

// scopedSpans are the batch's spans of a tracer; of none, the process's, without a
// scope.
func (b *Batch) scopedSpans(p *discover.Process, t *sdkspan.Tracer) ptrace.SpanSlice {
	key := tracerOf{p, t}
	spans, ok := b.tracers[key]
	if ok {
		return spans
	}
	resource := b.traces.ResourceSpans().AppendEmpty()
	scope := resource.ScopeSpans().AppendEmpty()
	PutResource(resource.Resource().Attributes(), p)
	if t != nil {
		putSDKResource(resource.Resource().Attributes(), t.Resource, p)
		resource.SetSchemaUrl(t.ResourceURL)
		t.Scope.CopyTo(scope.Scope())
		scope.SetSchemaUrl(t.ScopeURL)
	}
	b.tracers[key] = scope.Spans()
	return scope.Spans()
}

// unknownService begins the name that an SDK gives a service which has none.
const unknownService = "unknown_service"

// putSDKResource writes what the SDK says of its process over what the receiver
// says, but for the ID of the process, which is this host's for all that the
// receiver tells, and the name of the service, where the process's target has one
// or the SDK's says nothing.
func putSDKResource(into, sdk pcommon.Map, p *discover.Process) {
	for name, value := range sdk.All() {
		switch {
		case name == events.ProcessID:
			continue
		case name == events.ServiceName && (p.Target.ServiceName != "" || strings.HasPrefix(value.Str(), unknownService)):
			continue
		}
		value.CopyTo(into.PutEmpty(name))
	}
}
