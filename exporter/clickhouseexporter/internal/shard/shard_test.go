// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/sampledata"
)

// TestOf has properties of the function that places hashes: it spreads them, and a
// new shard takes its part from the others, which exchange none.
func TestOf(t *testing.T) {
	const hashes = 40_000
	for shards := 1; shards <= 9; shards++ {
		count := make([]int, shards)
		moved := 0
		for n := range uint64(hashes) {
			hash := mix(n * n)
			at := Of(hash, shards)
			require.Equal(t, at, Of(hash, shards))
			count[at]++
			if next := Of(hash, shards+1); next != at {
				require.Equal(t, shards, next, "only to the new one")
				moved++
			}
		}
		even := hashes / shards
		assert.Less(t, slices.Max(count)-slices.Min(count), even/5, "%d shards: %v", shards, count)
		assert.InDelta(t, hashes/(shards+1), moved, float64(even)/5)
		t.Logf("%d shards: %v; %d move to the next one", shards, count, moved)
	}
}

// TestOfIsForEver has where some hashes lie: rows that wait in a queue for the
// next version of the exporter are to find their shard again.
func TestOfIsForEver(t *testing.T) {
	var at []int
	for n := range uint64(16) {
		at = append(at, Of(mix(n), 5))
	}
	assert.Equal(t, []int{4, 0, 1, 2, 3, 4, 2, 4, 0, 2, 3, 2, 4, 2, 3, 2}, at)
}

// lines is the rows of data, with all above them, each as text.
func spanLines(t *testing.T, all ...ptrace.Traces) []string {
	t.Helper()
	var lines []string
	for _, traces := range all {
		for _, resource := range traces.ResourceSpans().All() {
			for _, scope := range resource.ScopeSpans().All() {
				for _, span := range scope.Spans().All() {
					one := ptrace.NewTraces()
					r := one.ResourceSpans().AppendEmpty()
					resource.Resource().CopyTo(r.Resource())
					r.SetSchemaUrl(resource.SchemaUrl())
					s := r.ScopeSpans().AppendEmpty()
					scope.Scope().CopyTo(s.Scope())
					s.SetSchemaUrl(scope.SchemaUrl())
					span.CopyTo(s.Spans().AppendEmpty())
					text, err := new(ptrace.JSONMarshaler).MarshalTraces(one)
					require.NoError(t, err)
					lines = append(lines, string(text))
				}
			}
		}
	}
	return lines
}

// TestTracesAreSplit compares the spans of all shards with those that came: none
// is lost, doubled or changed, each trace is whole, and it is the same each time.
func TestTracesAreSplit(t *testing.T) {
	traces := sampledata.New(3).Traces(400)
	before := spanLines(t, traces)
	for _, shards := range []int{1, 2, 3, 7} {
		parts := NewSplitter(TraceID, shards).Traces(traces)
		require.Len(t, parts, shards)
		assert.ElementsMatch(t, before, spanLines(t, parts...))
		assert.Equal(t, before, spanLines(t, traces), "what came stays as it is")
		of := map[pcommon.TraceID]int{}
		for n, part := range parts {
			assert.Positive(t, part.SpanCount())
			for _, resource := range part.ResourceSpans().All() {
				assert.Positive(t, resource.ScopeSpans().Len(), "nothing without rows")
				for _, scope := range resource.ScopeSpans().All() {
					for _, span := range scope.Spans().All() {
						at, seen := of[span.TraceID()]
						require.True(t, !seen || at == n, "a trace is on one shard")
						of[span.TraceID()] = n
					}
				}
			}
		}
		for n, part := range NewSplitter(TraceID, shards).Traces(traces) {
			assert.Equal(t, spanLines(t, parts[n]), spanLines(t, part), "the same each time, in order")
		}
	}
}

// TestLogsFollowTheirTrace places log records where their spans are, and spreads
// those without a trace.
func TestLogsFollowTheirTrace(t *testing.T) {
	const shards = 4
	splitter := NewSplitter(TraceID, shards)
	for n := range 50 {
		id := pcommon.TraceID{0: byte(n), 15: 1}
		traces := ptrace.NewTraces()
		traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetTraceID(id)
		logs := plog.NewLogs()
		logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().SetTraceID(id)
		for at, part := range splitter.Traces(traces) {
			assert.Equal(t, part.SpanCount(), splitter.Logs(logs)[at].LogRecordCount())
		}
	}
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for n := range 1000 {
		records.AppendEmpty().SetTimestamp(pcommon.Timestamp(n))
	}
	sum := 0
	for _, part := range splitter.Logs(logs) {
		assert.InDelta(t, 250, part.LogRecordCount(), 100)
		sum += part.LogRecordCount()
	}
	assert.Equal(t, 1000, sum)
}

// TestAttributesAreKeys looks for one in the row, then in the resource, then goes
// by the trace.
func TestAttributesAreKeys(t *testing.T) {
	const shards = 16
	place := func(key string, row, resource map[string]any) int {
		traces := ptrace.NewTraces()
		from := traces.ResourceSpans().AppendEmpty()
		require.NoError(t, from.Resource().Attributes().FromRaw(resource))
		span := from.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{5})
		require.NoError(t, span.Attributes().FromRaw(row))
		return slices.IndexFunc(NewSplitter(key, shards).Traces(traces), func(p ptrace.Traces) bool { return p.SpanCount() > 0 })
	}
	of := func(value any) map[string]any { return map[string]any{"tenant": value} }
	places := map[int]bool{}
	for n := range 20 {
		tenant := fmt.Sprint("tenant ", n)
		inRow, inResource := place("tenant", of(tenant), nil), place("tenant", nil, of(tenant))
		assert.Equal(t, inRow, inResource)
		assert.Equal(t, inRow, place("tenant", of(tenant), of("other")), "the row's before the resource's")
		places[inRow] = true
	}
	assert.Greater(t, len(places), 5)
	assert.Equal(t, place("tenant", of("7"), nil), place("tenant", nil, of(int64(7))), "values that print alike")
	assert.Equal(t, place(TraceID, of("a"), nil), place("tenant", nil, nil), "by trace without it")
}

// TestMetricsStayWhole compares the points of all shards with those that came.
func TestMetricsStayWhole(t *testing.T) {
	metrics := sampledata.New(5).Metrics(pmetric.MetricTypeHistogram, 500)
	for _, key := range []string{TraceID, "service.name"} {
		parts := NewSplitter(key, 3).Metrics(metrics)
		points, names := 0, map[string]int{}
		for n, part := range parts {
			points += part.DataPointCount()
			for _, resource := range part.ResourceMetrics().All() {
				service, _ := resource.Resource().Attributes().Get("service.name")
				for _, scope := range resource.ScopeMetrics().All() {
					for _, metric := range scope.Metrics().All() {
						series := fmt.Sprint(resource.Resource().Attributes().AsRaw(), metric.Name())
						if key == "service.name" {
							series = service.Str()
						}
						at, seen := names[series]
						require.True(t, !seen || at == n, series)
						names[series] = n
					}
				}
			}
		}
		assert.Equal(t, metrics.DataPointCount(), points)
		t.Logf("by %s: %d, %d and %d points", key, parts[0].DataPointCount(), parts[1].DataPointCount(), parts[2].DataPointCount())
	}
	untyped := pmetric.NewMetrics()
	untyped.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetName("shapeless")
	found := 0
	for _, part := range NewSplitter(TraceID, 3).Metrics(untyped) {
		found += part.MetricCount()
	}
	assert.Equal(t, 1, found, "it is refused by one shard, not lost before")
}

func BenchmarkTraces(b *testing.B) {
	traces := sampledata.New(3).Traces(8192)
	splitter := NewSplitter(TraceID, 3)
	b.ReportAllocs()
	for b.Loop() {
		splitter.Traces(traces)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(traces.SpanCount()), "ns/span")
}
