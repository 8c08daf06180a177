// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cardinality

import (
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/sampledata"
)

// BenchmarkTraces is what a guard costs a batch of 8192 spans of 10 to 30
// attributes, by its limits.
func BenchmarkTraces(b *testing.B) {
	const spans = 8192
	batches := make([]ptrace.Traces, 4)
	generator := sampledata.New(1)
	for i := range batches {
		batches[i] = generator.Traces(spans)
	}
	for _, test := range []struct {
		name   string
		limits Limits
	}{
		{"keys", Limits{Keys: Limit{1000, Keep}}},
		{"length", Limits{Length: Limit{4096, Truncate}}},
		{"all", Limits{Keys: Limit{1000, Keep}, Values: Limit{10_000, Keep}, Length: Limit{4096, Truncate}}},
	} {
		b.Run(test.name, func(b *testing.B) {
			g := New(test.limits, time.Minute, func(Report) {})
			for n := range batches { // what it knows grows
				g.Traces(batches[n])
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				g.Traces(batches[n%len(batches)])
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spans, "ns/row")
		})
	}
}
