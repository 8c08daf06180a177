// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import "go.opentelemetry.io/collector/pdata/ptrace"

// Traces is the spans of each shard, with their resources and scopes, in the order
// in which they came. Those of a single shard are not copied.
func (s Splitter) Traces(traces ptrace.Traces) []ptrace.Traces {
	if s.shards == 1 {
		return []ptrace.Traces{traces}
	}
	parts := fresh(s.shards, ptrace.NewTraces)
	for _, from := range traces.ResourceSpans().All() {
		resources := newOpened(parts, func(part ptrace.Traces) ptrace.ResourceSpans {
			resource := part.ResourceSpans().AppendEmpty()
			from.Resource().CopyTo(resource.Resource())
			resource.SetSchemaUrl(from.SchemaUrl())
			return resource
		})
		for _, fromScope := range from.ScopeSpans().All() {
			scopes := newOpenedIn(resources, func(resource ptrace.ResourceSpans) ptrace.ScopeSpans {
				scope := resource.ScopeSpans().AppendEmpty()
				fromScope.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(fromScope.SchemaUrl())
				return scope
			})
			for _, span := range fromScope.Spans().All() {
				hash, found := s.byAttribute(span.Attributes(), from.Resource().Attributes())
				if !found {
					hash = byTrace(span.TraceID(), span.StartTimestamp(), ofSpanID(span.SpanID()))
				}
				span.CopyTo(scopes.of(Of(hash, s.shards)).Spans().AppendEmpty())
			}
		}
	}
	return parts
}
