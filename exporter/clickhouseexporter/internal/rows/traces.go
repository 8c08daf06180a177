// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Traces is the columns of the table of spans, one row a span.
type Traces struct {
	block

	timestamp          nanoseconds
	traceID            text
	spanID             text
	parentSpanID       text
	traceState         text
	spanName           *lowCardinality
	spanKind           *enumeration
	serviceName        *lowCardinality
	resourceAttributes repeatedAttributeColumn
	scopeName          repeatedText
	scopeVersion       repeatedText
	spanAttributes     attributeColumn
	duration           uint64s
	statusCode         *enumeration
	statusMessage      text
	events             *spanEvents
	links              *spanLinks
}

// NewTraces makes an empty block for a table with Map columns.
func NewTraces() *Traces { return Layout{}.NewTraces() }

// NewTraces makes an empty block.
func (layout Layout) NewTraces() *Traces {
	t := &Traces{
		spanName:    newLowCardinality(),
		spanKind:    newEnumeration(),
		serviceName: newLowCardinality(),
		statusCode:  newEnumeration(),
	}
	t.events, t.links = newSpanEvents(layout.attributes(&t.corrected)), newSpanLinks(layout.attributes(&t.corrected))
	var resourcePaths, spanPaths proto.Input
	t.resourceAttributes, resourcePaths = layout.repeatedWithPaths("ResourceAttributes", &t.corrected)
	t.spanAttributes, spanPaths = layout.withPaths("SpanAttributes", &t.corrected)
	t.columns = proto.Input{
		{Name: "Timestamp", Data: &t.timestamp},
		{Name: "TraceId", Data: &t.traceID},
		{Name: "SpanId", Data: &t.spanID},
		{Name: "ParentSpanId", Data: &t.parentSpanID},
		{Name: "TraceState", Data: &t.traceState},
		{Name: "SpanName", Data: t.spanName},
		{Name: "SpanKind", Data: t.spanKind},
		{Name: "ServiceName", Data: t.serviceName},
		{Name: "ResourceAttributes", Data: t.resourceAttributes},
		{Name: "ScopeName", Data: &t.scopeName},
		{Name: "ScopeVersion", Data: &t.scopeVersion},
		{Name: "SpanAttributes", Data: t.spanAttributes},
		{Name: "Duration", Data: &t.duration},
		{Name: "StatusCode", Data: t.statusCode},
		{Name: "StatusMessage", Data: &t.statusMessage},
	}
	t.columns = append(t.columns, t.events.input()...)
	t.columns = append(t.columns, t.links.input()...)
	t.addOptional(resourcePaths, spanPaths)
	return t
}

// Append adds a row for each span.
func (t *Traces) Append(traces ptrace.Traces) {
	for _, resourceSpans := range traces.ResourceSpans().All() {
		resource := resourceSpans.Resource().Attributes()
		t.resourceAttributes.set(resource)
		service := serviceName(resource)
		for _, scopeSpans := range resourceSpans.ScopeSpans().All() {
			spans := scopeSpans.Spans()
			t.serviceName.repeat(service, spans.Len())
			t.resourceAttributes.repeat(spans.Len())
			t.scopeName.set(scopeSpans.Scope().Name())
			t.scopeName.repeat(spans.Len())
			t.scopeVersion.set(scopeSpans.Scope().Version())
			t.scopeVersion.repeat(spans.Len())
			for i := range spans.Len() {
				t.appendSpan(spans.At(i))
			}
		}
	}
}

func (t *Traces) appendSpan(span ptrace.Span) {
	t.timestamp.append(span.StartTimestamp(), &t.corrected)
	t.traceID.appendTraceID(span.TraceID())
	t.spanID.appendSpanID(span.SpanID())
	t.parentSpanID.appendSpanID(span.ParentSpanID())
	t.traceState.append(span.TraceState().AsRaw())
	t.spanName.append(span.Name())
	t.spanKind.append(int32(span.Kind()), span.Kind().String())
	t.spanAttributes.append(span.Attributes())
	t.duration.append(duration(span.StartTimestamp(), span.EndTimestamp(), &t.corrected))
	code := span.Status().Code()
	t.statusCode.append(int32(code), code.String())
	t.statusMessage.append(span.Status().Message())
	t.events.append(span.Events(), &t.corrected)
	t.links.append(span.Links())
}

// duration is end − start in ns, or 0 where the span ended before it started.
func duration(start, end pcommon.Timestamp, corrected *Corrections) uint64 {
	if end < start {
		corrected[NegativeDuration]++
		return 0
	}
	return uint64(end - start)
}

// spanEvents is the columns of the Nested Events.
type spanEvents struct {
	timestamp nanoseconds
	name      *lowCardinality
	attrs     attributeColumn

	arrays []array
}

func newSpanEvents(attrs attributeColumn) *spanEvents {
	e := &spanEvents{name: newLowCardinality(), attrs: attrs}
	e.arrays = nested(&e.timestamp, e.name, e.attrs)
	return e
}

func (e *spanEvents) input() proto.Input {
	return proto.Input{
		{Name: "Events.Timestamp", Data: &e.arrays[0]},
		{Name: "Events.Name", Data: &e.arrays[1]},
		{Name: "Events.Attributes", Data: &e.arrays[2]},
	}
}

// append adds the events of one span.
func (e *spanEvents) append(events ptrace.SpanEventSlice, corrected *Corrections) {
	for i := range events.Len() {
		event := events.At(i)
		e.timestamp.append(event.Timestamp(), corrected)
		e.name.append(event.Name())
		e.attrs.append(event.Attributes())
	}
	e.arrays[0].endRow()
}

// spanLinks is the columns of the Nested Links.
type spanLinks struct {
	traceID    text
	spanID     text
	traceState text
	attrs      attributeColumn

	arrays []array
}

func newSpanLinks(attrs attributeColumn) *spanLinks {
	l := &spanLinks{attrs: attrs}
	l.arrays = nested(&l.traceID, &l.spanID, &l.traceState, l.attrs)
	return l
}

func (l *spanLinks) input() proto.Input {
	return proto.Input{
		{Name: "Links.TraceId", Data: &l.arrays[0]},
		{Name: "Links.SpanId", Data: &l.arrays[1]},
		{Name: "Links.TraceState", Data: &l.arrays[2]},
		{Name: "Links.Attributes", Data: &l.arrays[3]},
	}
}

// append adds the links of one span.
func (l *spanLinks) append(links ptrace.SpanLinkSlice) {
	for i := range links.Len() {
		link := links.At(i)
		l.traceID.appendTraceID(link.TraceID())
		l.spanID.appendSpanID(link.SpanID())
		l.traceState.append(link.TraceState().AsRaw())
		l.attrs.append(link.Attributes())
	}
	l.arrays[0].endRow()
}
