// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"slices"
	"sync"

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
	span         ptrace.Span
	resourceSize int64
}

// arrivals is a batch of spans as the join needs it.
type arrivals struct {
	spans    []join.Span
	sources  spanSources
	verdicts []join.Verdict
}

// arrivalsPool lends arrivals, so that their memory serves the next batch.
type arrivalsPool struct{ pool sync.Pool }

// read lists the spans of a batch in its order.
func (p *arrivalsPool) read(td ptrace.Traces) *arrivals {
	a, ok := p.pool.Get().(*arrivals)
	if !ok {
		a = &arrivals{}
	}
	count := td.SpanCount()
	a.spans, a.sources = slices.Grow(a.spans, count), slices.Grow(a.sources, count)
	a.verdicts = slices.Grow(a.verdicts, count)[:count]
	for _, rs := range td.ResourceSpans().All() {
		process, size := processOf(rs.Resource()), mapSize(rs.Resource().Attributes())
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				a.spans = append(a.spans, readSpan(span, process))
				a.sources = append(a.sources, spanSource{span: span, resourceSize: size})
			}
		}
	}
	return a
}

// put takes arrivals back. Nothing may use them any more.
func (p *arrivalsPool) put(a *arrivals) {
	if len(a.spans) > maxLent {
		return
	}
	clear(a.spans)
	clear(a.sources)
	clear(a.verdicts)
	a.spans, a.sources, a.verdicts = a.spans[:0], a.sources[:0], a.verdicts[:0]
	p.pool.Put(a)
}

func readSpan(span ptrace.Span, process join.Process) join.Span {
	read := join.Span{
		Key:      join.SpanKey{Trace: span.TraceID(), Span: span.SpanID()},
		Process:  process,
		Interval: intervalOf(span),
	}
	for name, value := range span.Attributes().All() {
		switch name {
		case ledger.AttributeSource:
			read.HasLedger = true
		case events.GoroutineID:
			read.Goroutine = value.Int()
		}
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
		event   = 240 // or a link
	)
	span := s[i].span
	bytes := structs + int64(len(span.Name())+len(span.TraceState().AsRaw())) + s[i].resourceSize + mapSize(span.Attributes())
	for _, e := range span.Events().All() {
		bytes += event + int64(len(e.Name())) + mapSize(e.Attributes())
	}
	for _, l := range span.Links().All() {
		bytes += event + mapSize(l.Attributes())
	}
	return bytes
}

// mapSize is about what attributes take, beside what may be free behind them.
func mapSize(attributes pcommon.Map) int64 {
	const element = 80 // beside the bytes of its name and value
	bytes := element * int64(attributes.Len())
	for name, value := range attributes.All() {
		bytes += int64(len(name)) + valueSize(value)
	}
	return bytes
}

func valueSize(value pcommon.Value) int64 {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return int64(len(value.Str()))
	case pcommon.ValueTypeBytes:
		return int64(value.Bytes().Len())
	case pcommon.ValueTypeMap:
		return mapSize(value.Map())
	case pcommon.ValueTypeSlice:
		var bytes int64
		for _, element := range value.Slice().All() {
			bytes += 48 + valueSize(element)
		}
		return bytes
	default:
		return 0
	}
}
