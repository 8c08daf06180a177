// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"cmp"
	"runtime"
	"slices"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// heldBatch has the spans of one incoming batch that wait, under their own
// resources and scopes, and who sent them.
type heldBatch struct {
	processor *tracesProcessor
	client    client.Info
	spans     ptrace.Traces
	count     int // of them, as they came
}

// heldSpan is where in its batch a span stands that waits.
type heldSpan struct {
	batch                 *heldBatch
	resource, scope, span int
}

// heldSpanOf returns what split made the handle.
func heldSpanOf(w *join.Waiting) *heldSpan { return w.Handle.(*heldSpan) }

// split moves the spans that wait out of td into the batch and enriches those
// that stay. The verdicts are in td's order.
func split(td ptrace.Traces, verdicts []join.Verdict, batch *heldBatch) (waiting []*join.Waiting, report report) {
	i := 0
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		var held ptrace.ResourceSpans
		moved := false
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			own := verdicts[i : i+ss.Spans().Len()]
			i += len(own)
			if !slices.ContainsFunc(own, func(v join.Verdict) bool { return v.Waiting != nil }) {
				report.enrichAll(ss.Spans(), own)
				return false
			}
			if !moved {
				moved = true
				held = batch.spans.ResourceSpans().AppendEmpty()
				rs.Resource().CopyTo(held.Resource())
				held.SetSchemaUrl(rs.SchemaUrl())
			}
			waiting = append(waiting, report.splitScope(ss, own, held, batch)...)
			return ss.Spans().Len() == 0
		})
		return moved && rs.ScopeSpans().Len() == 0
	})
	return waiting, report
}

func (r *report) enrichAll(spans ptrace.SpanSlice, verdicts []join.Verdict) {
	for i := range verdicts {
		r.enrich(spans.At(i), &verdicts[i].Match)
	}
}

// splitScope moves the spans of one scope that wait to a copy of the scope.
func (r *report) splitScope(ss ptrace.ScopeSpans, verdicts []join.Verdict, held ptrace.ResourceSpans, batch *heldBatch) (waiting []*join.Waiting) {
	scope := held.ScopeSpans().AppendEmpty()
	ss.Scope().CopyTo(scope.Scope())
	scope.SetSchemaUrl(ss.SchemaUrl())
	at := heldSpan{batch: batch, resource: batch.spans.ResourceSpans().Len() - 1, scope: held.ScopeSpans().Len() - 1}
	handles := make([]heldSpan, 0, len(verdicts)) // never grows: pointers lead into it
	waiting = make([]*join.Waiting, 0, len(verdicts))
	for i := range verdicts {
		w := verdicts[i].Waiting
		if w == nil {
			continue
		}
		at.span = len(handles)
		handles = append(handles, at)
		w.Handle = &handles[at.span]
		waiting = append(waiting, w)
	}
	batch.count += len(waiting)
	if len(waiting) == len(verdicts) {
		ss.Spans().MoveAndAppendTo(scope.Spans()) // and none is copied
		return waiting
	}
	scope.Spans().EnsureCapacity(len(waiting))
	i := -1
	ss.Spans().RemoveIf(func(span ptrace.Span) bool {
		i++
		if verdicts[i].Waiting == nil {
			r.enrich(span, &verdicts[i].Match)
			return false
		}
		span.MoveTo(scope.Spans().AppendEmpty())
		return true
	})
	return waiting
}

// take moves spans out of the batch, enriched, in their order and under copies
// of their resources and scopes. Where all leave together, the batch is what leaves.
func (b *heldBatch) take(spans []*join.Waiting) (td ptrace.Traces, report report) {
	if len(spans) == b.count {
		for _, w := range spans {
			h := heldSpanOf(w)
			report.enrich(b.spans.ResourceSpans().At(h.resource).ScopeSpans().At(h.scope).Spans().At(h.span), &w.Match)
		}
		td, b.spans = b.spans, ptrace.Traces{}
		return td, report
	}
	slices.SortFunc(spans, func(v, w *join.Waiting) int {
		a, b := heldSpanOf(v), heldSpanOf(w)
		return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.scope, b.scope), cmp.Compare(a.span, b.span))
	})
	b.lookAhead(spans)
	td = ptrace.NewTraces()
	var rs ptrace.ResourceSpans
	var from, to ptrace.SpanSlice
	resource, scope := -1, -1
	for i, w := range spans {
		h := heldSpanOf(w)
		fromResource := b.spans.ResourceSpans().At(h.resource)
		if h.resource != resource {
			resource, scope = h.resource, -1
			rs = td.ResourceSpans().AppendEmpty()
			fromResource.Resource().CopyTo(rs.Resource())
			rs.SetSchemaUrl(fromResource.SchemaUrl())
		}
		if h.scope != scope {
			scope = h.scope
			fromScope, ss := fromResource.ScopeSpans().At(h.scope), rs.ScopeSpans().AppendEmpty()
			fromScope.Scope().CopyTo(ss.Scope())
			ss.SetSchemaUrl(fromScope.SchemaUrl())
			from, to = fromScope.Spans(), ss.Spans()
			to.EnsureCapacity(min(from.Len(), len(spans)-i))
		}
		span := to.AppendEmpty()
		from.At(h.span).MoveTo(span)
		report.enrich(span, &w.Match)
	}
	return td, report
}

// lookAhead reads something of each span and of its ledger, which have been waiting
// for long enough to be in no cache any more: like that, the CPU waits for many of
// them at once.
func (b *heldBatch) lookAhead(spans []*join.Waiting) {
	var sum int64
	for _, w := range spans {
		h := heldSpanOf(w)
		sum += int64(b.spans.ResourceSpans().At(h.resource).ScopeSpans().At(h.scope).Spans().At(h.span).EndTimestamp())
		if w.Match.Ledger != nil {
			sum += w.Match.Ledger.Interval.End
		}
	}
	runtime.KeepAlive(sum) // so that it is not for nothing to the compiler
}
