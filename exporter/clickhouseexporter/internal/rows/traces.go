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
	traceID            proto.ColStr
	spanID             proto.ColStr
	parentSpanID       proto.ColStr
	traceState         proto.ColStr
	spanName           *proto.ColLowCardinality[string]
	spanKind           *proto.ColLowCardinality[string]
	serviceName        *proto.ColLowCardinality[string]
	resourceAttributes *attributes
	scopeName          proto.ColStr
	scopeVersion       proto.ColStr
	spanAttributes     *attributes
	duration           proto.ColUInt64
	statusCode         *proto.ColLowCardinality[string]
	statusMessage      proto.ColStr
	events             spanEvents
	links              spanLinks

	resource sortedAttributes
}

// NewTraces makes an empty block.
func NewTraces() *Traces {
	t := &Traces{
		spanName:           newLowCardinality(),
		spanKind:           newLowCardinality(),
		serviceName:        newLowCardinality(),
		resourceAttributes: newAttributes(),
		spanAttributes:     newAttributes(),
		statusCode:         newLowCardinality(),
		events:             newSpanEvents(),
		links:              newSpanLinks(),
	}
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
	return t
}

// Reset empties the block and keeps its memory.
func (t *Traces) Reset() {
	t.block.Reset()
	t.resource.forget()
}

// Append adds a row for each span.
func (t *Traces) Append(traces ptrace.Traces) {
	for _, resourceSpans := range traces.ResourceSpans().All() {
		resource := resourceSpans.Resource().Attributes()
		t.resource.fill(resource)
		service := serviceName(resource)
		for _, scopeSpans := range resourceSpans.ScopeSpans().All() {
			for _, span := range scopeSpans.Spans().All() {
				t.serviceName.Append(service)
				t.resourceAttributes.appendSorted(t.resource)
				t.scopeName.Append(scopeSpans.Scope().Name())
				t.scopeVersion.Append(scopeSpans.Scope().Version())
				t.appendSpan(span)
			}
		}
	}
}

func (t *Traces) appendSpan(span ptrace.Span) {
	t.timestamp.append(span.StartTimestamp(), &t.corrected)
	appendTraceID(&t.traceID, span.TraceID())
	appendSpanID(&t.spanID, span.SpanID())
	appendSpanID(&t.parentSpanID, span.ParentSpanID())
	t.traceState.Append(span.TraceState().AsRaw())
	t.spanName.Append(span.Name())
	t.spanKind.Append(span.Kind().String())
	t.spanAttributes.append(span.Attributes())
	t.duration.Append(duration(span.StartTimestamp(), span.EndTimestamp(), &t.corrected))
	t.statusCode.Append(span.Status().Code().String())
	t.statusMessage.Append(span.Status().Message())
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
	timestamp *nanoseconds
	name      *proto.ColLowCardinality[string]
	attrs     *attributes

	timestamps, names, maps array
}

func newSpanEvents() spanEvents {
	e := spanEvents{timestamp: new(nanoseconds), name: newLowCardinality(), attrs: newAttributes()}
	e.timestamps.elements, e.names.elements, e.maps.elements = e.timestamp, e.name, e.attrs
	return e
}

func (e *spanEvents) input() proto.Input {
	return proto.Input{
		{Name: "Events.Timestamp", Data: &e.timestamps},
		{Name: "Events.Name", Data: &e.names},
		{Name: "Events.Attributes", Data: &e.maps},
	}
}

// append adds the events of one span.
func (e *spanEvents) append(events ptrace.SpanEventSlice, corrected *Corrections) {
	for _, event := range events.All() {
		e.timestamp.append(event.Timestamp(), corrected)
		e.name.Append(event.Name())
		e.attrs.append(event.Attributes())
	}
	endRows(&e.timestamps, &e.names, &e.maps)
}

// spanLinks is the columns of the Nested Links.
type spanLinks struct {
	traceID    *proto.ColStr
	spanID     *proto.ColStr
	traceState *proto.ColStr
	attrs      *attributes

	traceIDs, spanIDs, traceStates, maps array
}

func newSpanLinks() spanLinks {
	l := spanLinks{
		traceID:    new(proto.ColStr),
		spanID:     new(proto.ColStr),
		traceState: new(proto.ColStr),
		attrs:      newAttributes(),
	}
	l.traceIDs.elements, l.spanIDs.elements = l.traceID, l.spanID
	l.traceStates.elements, l.maps.elements = l.traceState, l.attrs
	return l
}

func (l *spanLinks) input() proto.Input {
	return proto.Input{
		{Name: "Links.TraceId", Data: &l.traceIDs},
		{Name: "Links.SpanId", Data: &l.spanIDs},
		{Name: "Links.TraceState", Data: &l.traceStates},
		{Name: "Links.Attributes", Data: &l.maps},
	}
}

// append adds the links of one span.
func (l *spanLinks) append(links ptrace.SpanLinkSlice) {
	for _, link := range links.All() {
		appendTraceID(l.traceID, link.TraceID())
		appendSpanID(l.spanID, link.SpanID())
		l.traceState.Append(link.TraceState().AsRaw())
		l.attrs.append(link.Attributes())
	}
	endRows(&l.traceIDs, &l.spanIDs, &l.traceStates, &l.maps)
}
