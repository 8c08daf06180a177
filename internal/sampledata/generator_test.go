// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sampledata

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestSameSeedSameData(t *testing.T) {
	assert.Equal(t, New(7).Traces(300), New(7).Traces(300))
	assert.Equal(t, New(7).Logs(300), New(7).Logs(300))
	assert.NotEqual(t, New(7).Traces(300), New(8).Traces(300))
}

// TestRows looks whether batches are as large as asked for, and whether the
// attributes are as many as the package says.
func TestRows(t *testing.T) {
	g := New(1)
	traces := g.Traces(1000)
	assert.Equal(t, 1000, traces.SpanCount())
	assert.Equal(t, 1000, g.Logs(1000).LogRecordCount())
	for _, kind := range []pmetric.MetricType{
		pmetric.MetricTypeGauge, pmetric.MetricTypeSum, pmetric.MetricTypeSummary, pmetric.MetricTypeHistogram,
		pmetric.MetricTypeExponentialHistogram,
	} {
		assert.Equal(t, 1000, g.Metrics(kind, 1000).DataPointCount(), kind)
	}
	fewest, most, sum := 1000, 0, 0
	for _, resource := range traces.ResourceSpans().All() {
		for _, span := range resource.ScopeSpans().At(0).Spans().All() {
			n := span.Attributes().Len()
			fewest, most, sum = min(fewest, n), max(most, n), sum+n
		}
	}
	t.Logf("attributes a span: %d to %d, %.1f in the mean", fewest, most, float64(sum)/1000)
	assert.GreaterOrEqual(t, fewest, 10)
	assert.LessOrEqual(t, most, 31)
}
