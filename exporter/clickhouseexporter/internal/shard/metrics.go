// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Metrics is the metrics of each shard. A metric of a resource stays whole, with
// all its points: it goes by the attribute, if the resource has it, else by its
// name and its resource, so that each series lies on one shard.
func (s Splitter) Metrics(metrics pmetric.Metrics) []pmetric.Metrics {
	if s.shards == 1 {
		return []pmetric.Metrics{metrics}
	}
	parts := fresh(s.shards, pmetric.NewMetrics)
	none := pcommon.NewMap()
	for _, from := range metrics.ResourceMetrics().All() {
		hash, found := s.byAttribute(none, from.Resource().Attributes())
		beside := ofMap(from.Resource().Attributes())
		resources := newOpened(parts, func(part pmetric.Metrics) pmetric.ResourceMetrics {
			resource := part.ResourceMetrics().AppendEmpty()
			from.Resource().CopyTo(resource.Resource())
			resource.SetSchemaUrl(from.SchemaUrl())
			return resource
		})
		for _, fromScope := range from.ScopeMetrics().All() {
			scopes := newOpenedIn(resources, func(resource pmetric.ResourceMetrics) pmetric.ScopeMetrics {
				scope := resource.ScopeMetrics().AppendEmpty()
				fromScope.Scope().CopyTo(scope.Scope())
				scope.SetSchemaUrl(fromScope.SchemaUrl())
				return scope
			})
			for _, metric := range fromScope.Metrics().All() {
				if !found {
					hash = mix(beside ^ xxhash.Sum64String(metric.Name()))
				}
				metric.CopyTo(scopes.of(Of(hash, s.shards)).Metrics().AppendEmpty())
			}
		}
	}
	return parts
}

// ofMap is a hash of attributes in whatever order they come.
func ofMap(attributes pcommon.Map) uint64 {
	values := map[string]uint64{}
	for key, value := range attributes.All() {
		values[key] = text(value)
	}
	sum := uint64(len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		sum = mix(sum ^ xxhash.Sum64String(key))
		sum = mix(sum ^ values[key])
	}
	return sum
}
