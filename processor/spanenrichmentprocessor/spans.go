// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

const (
	attributeServiceName = "service.name"
	attributeProcessPID  = "process.pid"
	attributeContainerID = "container.id"
	attributePodUID      = "k8s.pod.uid"
	attributeNodeName    = "k8s.node.name"
	attributeHostID      = "host.id"
	attributeHostName    = "host.name"
)

// spanSources lead from the join's spans, by index, back to the batch.
type spanSources []spanSource

type spanSource struct {
	span     ptrace.Span
	resource pcommon.Resource
}

// readSpans lists the spans of a batch in its order.
func readSpans(td ptrace.Traces) ([]join.Span, spanSources) {
	count := td.SpanCount()
	spans, sources := make([]join.Span, 0, count), make(spanSources, 0, count)
	for _, rs := range td.ResourceSpans().All() {
		process := processOf(rs.Resource())
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				spans = append(spans, readSpan(span, process))
				sources = append(sources, spanSource{span: span, resource: rs.Resource()})
			}
		}
	}
	return spans, sources
}

func readSpan(span ptrace.Span, process join.Process) join.Span {
	read := join.Span{
		Key:      join.SpanKey{Trace: span.TraceID(), Span: span.SpanID()},
		Process:  process,
		Interval: intervalOf(span),
	}
	_, read.HasLedger = span.Attributes().Get(ledger.AttributeSource)
	if id, ok := span.Attributes().Get(events.GoroutineID); ok {
		read.Goroutine = id.Int()
	}
	return read
}

// intervalOf is the time that a span took, none where its end is before its start.
func intervalOf(span ptrace.Span) join.Interval {
	start, end := span.StartTimestamp(), span.EndTimestamp()
	return join.Interval{Start: int64(start), End: int64(max(start, end))}
}

// processOf reads who a resource says that it is, in one pass: each batch of an
// agent has many resources.
func processOf(resource pcommon.Resource) join.Process {
	var process join.Process
	var origin join.Origin
	for name, value := range resource.Attributes().All() {
		switch name {
		case attributeServiceName:
			process.Service = text(value)
		case attributeProcessPID:
			if value.Type() == pcommon.ValueTypeInt {
				process.PID = value.Int()
			}
		case attributeContainerID:
			origin.ContainerID = text(value)
		case attributePodUID:
			origin.PodUID = text(value)
		case attributeNodeName:
			origin.NodeName = text(value)
		case attributeHostID:
			origin.HostID = text(value)
		case attributeHostName:
			origin.HostName = text(value)
		}
	}
	process.Host = join.HostOf(origin)
	return process
}

// text is a value that is a text, empty for any other.
func text(value pcommon.Value) string {
	if value.Type() != pcommon.ValueTypeStr {
		return ""
	}
	return value.Str()
}

// size estimates the memory that a span takes while it is held. The resource is
// counted with each span, since spans of one batch may leave it one by one.
func (s spanSources) size(i int) int64 {
	const (
		structs = 700 // the span, its place in the store and its way out
		element = 64  // an attribute, beside the bytes of its name and value
		event   = 200 // or a link
	)
	span, resource := s[i].span, s[i].resource.Attributes()
	elements := span.Attributes().Len() + resource.Len()
	for _, e := range span.Events().All() {
		elements += e.Attributes().Len()
	}
	for _, l := range span.Links().All() {
		elements += l.Attributes().Len()
	}
	var sizer ptrace.ProtoMarshaler
	return structs + int64(sizer.SpanSize(span)) + mapSize(resource) +
		element*int64(elements) + event*int64(span.Events().Len()+span.Links().Len())
}

// mapSize is about the size of attributes on the wire.
func mapSize(attributes pcommon.Map) int64 {
	var size int64
	for name, value := range attributes.All() {
		size += int64(len(name)) + 16
		if value.Type() == pcommon.ValueTypeStr {
			size += int64(len(value.Str()))
		}
	}
	return size
}
