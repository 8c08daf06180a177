// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import "go.opentelemetry.io/collector/pdata/plog"

// Logs is the log records of each shard, as Traces is its spans. Those without a
// trace go by their times.
func (s Splitter) Logs(logs plog.Logs) []plog.Logs {
	if s.shards == 1 {
		return []plog.Logs{logs}
	}
	parts := fresh(s.shards, plog.NewLogs)
	for _, from := range logs.ResourceLogs().All() {
		resources := newOpened(parts, func(part plog.Logs) plog.ResourceLogs {
			resource := part.ResourceLogs().AppendEmpty()
			from.Resource().CopyTo(resource.Resource())
			resource.SetSchemaUrl(from.SchemaUrl())
			return resource
		})
		for _, fromScope := range from.ScopeLogs().All() {
			scopes := newOpenedIn(resources, func(resource plog.ResourceLogs) plog.ScopeLogs {
				scope := resource.ScopeLogs().AppendEmpty()
				fromScope.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(fromScope.SchemaUrl())
				return scope
			})
			for _, record := range fromScope.LogRecords().All() {
				hash, found := s.byAttribute(record.Attributes(), from.Resource().Attributes())
				if !found {
					hash = byTrace(record.TraceID(), record.Timestamp(), uint64(record.ObservedTimestamp()))
				}
				record.CopyTo(scopes.of(Of(hash, s.shards)).LogRecords().AppendEmpty())
			}
		}
	}
	return parts
}
