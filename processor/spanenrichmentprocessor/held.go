// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"cmp"
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
	handles := make([]heldSpan, 0, len(verdicts)) // never grows: pointers lead into it
	i := 0
	ss.Spans().RemoveIf(func(span ptrace.Span) bool {
		v := &verdicts[i]
		i++
		if v.Waiting == nil {
			r.enrich(span, &v.Match)
			return false
		}
		handles = append(handles, heldSpan{
			batch:    batch,
			resource: batch.spans.ResourceSpans().Len() - 1,
			scope:    held.ScopeSpans().Len() - 1,
			span:     scope.Spans().Len(),
		})
		v.Waiting.Handle = &handles[len(handles)-1]
		span.MoveTo(scope.Spans().AppendEmpty())
		waiting = append(waiting, v.Waiting)
		return true
	})
	return waiting
}

// take moves spans out of the batch, enriched, in their order and under copies
// of their resources and scopes.
func (b *heldBatch) take(spans []*join.Waiting) (ptrace.Traces, report) {
	slices.SortFunc(spans, func(v, w *join.Waiting) int {
		a, b := heldSpanOf(v), heldSpanOf(w)
		return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.scope, b.scope), cmp.Compare(a.span, b.span))
	})
	var report report
	td := ptrace.NewTraces()
	var rs ptrace.ResourceSpans
	var ss ptrace.ScopeSpans
	resource, scope := -1, -1
	for _, w := range spans {
		h := heldSpanOf(w)
		from := b.spans.ResourceSpans().At(h.resource)
		if h.resource != resource {
			resource, scope = h.resource, -1
			rs = td.ResourceSpans().AppendEmpty()
			from.Resource().CopyTo(rs.Resource())
			rs.SetSchemaUrl(from.SchemaUrl())
		}
		fromScope := from.ScopeSpans().At(h.scope)
		if h.scope != scope {
			scope = h.scope
			ss = rs.ScopeSpans().AppendEmpty()
			fromScope.Scope().CopyTo(ss.Scope())
			ss.SetSchemaUrl(fromScope.SchemaUrl())
		}
		span := ss.Spans().AppendEmpty()
		fromScope.Spans().At(h.span).MoveTo(span)
		report.enrich(span, &w.Match)
	}
	return td, report
}
