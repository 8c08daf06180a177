// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sdkspan

import (
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Read fills a span from the image of one, as the SDK's OTLP exporter would. What
// is missing in the image is counted: as dropped on the span where OTLP can say
// so, and in the result. It reports false where the image has no span.
func Read(into ptrace.Span, bytes []byte, l *plan.SDKLayout) (Cut, bool) {
	d := &decoder{image: bytes, left: maxElements}
	c, ok := d.image.follow(rootSpan, chunkSpan)
	if !ok || c.bytes < int(l.SpanSize) {
		return d.cut, false
	}
	d.identity(into, c.at, l)
	into.SetName(d.text(c.at + int(l.Name)))
	into.SetKind(kindOf(d.image.word(c.at + int(l.Kind))))
	into.SetStartTimestamp(timestamp(d.image.unixNano(c.at + int(l.StartTime))))
	into.SetEndTimestamp(timestamp(d.image.unixNano(c.at + int(l.EndTime))))
	into.Status().SetCode(statusOf(d.image.half(c.at + int(l.StatusCode))))
	into.Status().SetMessage(d.text(c.at + int(l.StatusText)))
	dropped := d.attributes(into.Attributes(), c.at+int(l.Attributes))
	into.SetDroppedAttributesCount(clamp(d.count(c.at+int(l.DroppedAttributes)), dropped))
	d.events(into, c.at, l)
	d.links(into, c.at, l)
	return d.cut, true
}

// Flags of OTLP spans and links beside those of the trace context
// (opentelemetry/proto/trace/v1: SpanFlags).
const (
	flagHasIsRemote = 0x100
	flagIsRemote    = 0x200
)

func (d *decoder) identity(into ptrace.Span, at int, l *plan.SDKLayout) {
	into.SetTraceID(pcommon.TraceID(d.id(at + int(l.Context.TraceID))))
	into.SetSpanID(d.spanID(at + int(l.Context.SpanID)))
	into.SetParentSpanID(d.spanID(at + int(l.Parent.SpanID)))
	into.TraceState().FromRaw(d.traceState(at + int(l.Context.State)))
	into.SetFlags(uint32(d.image.byte(at+int(l.Context.Flags))) | d.remote(at+int(l.Parent.Remote)))
}

func (d *decoder) remote(at int) uint32 {
	if d.image.byte(at) != 0 {
		return flagHasIsRemote | flagIsRemote
	}
	return flagHasIsRemote
}

func (d *decoder) id(at int) (id [16]byte) {
	for i := range id {
		id[i] = d.image.byte(at + i)
	}
	return id
}

func (d *decoder) spanID(at int) pcommon.SpanID {
	id := d.id(at)
	return pcommon.SpanID(id[:8])
}

// traceState reads the members, keys and values, of a list. One of which a part is
// missing is left out.
func (d *decoder) traceState(slot int) string {
	at, copied, whole := d.slice(slot, 2*stringSize, chunkStrings)
	var text strings.Builder
	for i := range copied {
		key, ok := d.image.text(at + 2*i*stringSize)
		value, ok2 := d.image.text(at + (2*i+1)*stringSize)
		if !ok || !ok2 {
			d.cut.Texts++
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(',')
		}
		text.WriteString(key + "=" + value)
	}
	d.cut.Texts += whole - copied
	return text.String()
}

// count is an int that the SDK counts with.
func (d *decoder) count(at int) int { return int(d.image.word(at)) }

func clamp(counts ...int) uint32 {
	sum := 0
	for _, n := range counts {
		sum += max(0, min(n, math.MaxUint32))
	}
	return uint32(min(sum, math.MaxUint32))
}

func timestamp(unixNano int64) pcommon.Timestamp { return pcommon.Timestamp(max(0, unixNano)) }

// kindOf maps trace.SpanKind.
func kindOf(kind uint64) ptrace.SpanKind {
	kinds := [...]ptrace.SpanKind{
		ptrace.SpanKindUnspecified, ptrace.SpanKindInternal, ptrace.SpanKindServer, ptrace.SpanKindClient,
		ptrace.SpanKindProducer, ptrace.SpanKindConsumer,
	}
	if kind < uint64(len(kinds)) {
		return kinds[kind]
	}
	return ptrace.SpanKindUnspecified
}

// statusOf maps codes.Code, whose numbers are not OTLP's.
func statusOf(code uint32) ptrace.StatusCode {
	const failed, ok = 1, 2
	switch code {
	case failed:
		return ptrace.StatusCodeError
	case ok:
		return ptrace.StatusCodeOk
	default:
		return ptrace.StatusCodeUnset
	}
}

// each calls read with where each element of a queue stands. It returns how many
// are missing.
func (d *decoder) each(slot, size int, plain, boxed uint32, isBoxed bool, read func(at int)) (missing int) {
	if !isBoxed {
		at, copied, whole := d.slice(slot, size, plain)
		for i := range copied {
			read(at + i*size)
		}
		return whole - copied
	}
	at, copied, whole := d.slice(slot, stringSize, boxed)
	missing = whole - copied
	for i := range copied {
		c, ok := d.image.follow(at+i*stringSize+8, plain)
		if !ok || c.bytes < size {
			missing++
			continue
		}
		read(c.at)
	}
	return missing
}

func (d *decoder) events(into ptrace.Span, at int, l *plan.SDKLayout) {
	missing := d.each(at+int(l.Events), int(l.Event.Size), chunkEvents, chunkBoxedEvents, l.Boxed, func(at int) {
		event := into.Events().AppendEmpty()
		event.SetName(d.text(at + int(l.Event.Name)))
		event.SetTimestamp(timestamp(d.image.unixNano(at + int(l.Event.Time))))
		dropped := d.attributes(event.Attributes(), at+int(l.Event.Attributes))
		event.SetDroppedAttributesCount(clamp(d.count(at+int(l.Event.Dropped)), dropped))
	})
	d.cut.Events += missing
	into.SetDroppedEventsCount(clamp(d.count(at+int(l.DroppedEvents)), missing))
}

func (d *decoder) links(into ptrace.Span, at int, l *plan.SDKLayout) {
	missing := d.each(at+int(l.Links), int(l.Link.Size), chunkLinks, chunkBoxedLinks, l.Boxed, func(at int) {
		link, context := into.Links().AppendEmpty(), &l.Link.Context
		link.SetTraceID(pcommon.TraceID(d.id(at + int(context.TraceID))))
		link.SetSpanID(d.spanID(at + int(context.SpanID)))
		link.TraceState().FromRaw(d.traceState(at + int(context.State)))
		link.SetFlags(uint32(d.image.byte(at+int(context.Flags))) | d.remote(at+int(context.Remote)))
		dropped := d.attributes(link.Attributes(), at+int(l.Link.Attributes))
		link.SetDroppedAttributesCount(clamp(d.count(at+int(l.Link.Dropped)), dropped))
	})
	d.cut.Links += missing
	into.SetDroppedLinksCount(clamp(d.count(at+int(l.DroppedLinks)), missing))
}
