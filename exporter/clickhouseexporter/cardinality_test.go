// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/cardinality"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

func cardinalityCases() map[string]change {
	return map[string]change{
		"clickhouse/cardinality": {config: func(c *Config) {
			c.Cardinality = CardinalityConfig{
				Keys: LimitConfig{200, cardinality.Drop}, Values: LimitConfig{1000, cardinality.Hash},
				Length: LimitConfig{4096, cardinality.Truncate}, Interval: 5 * time.Minute,
			}
		}},
	}
}

func badCardinalityCases() map[string][]string {
	return map[string][]string{
		"bad/cardinality": {
			`cardinality.keys.action: "truncate" is none of keep, drop`,
			"cardinality.values.limit: -1 must be 0, which is none, or from 1 to 100000",
			"cardinality.length.limit: 63 must be 0, which is none, or from 64 to",
			"cardinality.interval: 10ms must be at least 1s",
		},
		"bad/cardinality_without_limit": {"cardinality.values.action: has no effect without cardinality.values.limit"},
	}
}

// TestCardinality stores what is within the limits, and counts and reports the rest.
func TestCardinality(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	cfg := synchronous(endpoint)
	cfg.Cardinality.Values = LimitConfig{10, cardinality.Drop}
	p := start(t, "logs", cfg)
	e := p.Component.(consumer.Logs)
	assert.True(t, e.Capabilities().MutatesData)
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for n := range 100 {
		records.AppendEmpty().Attributes().PutStr("user", fmt.Sprint(n))
	}
	require.NoError(t, e.ConsumeLogs(t.Context(), logs))
	assert.Equal(t, 10, db.number(t, "SELECT uniqExact(LogAttributes['user']) FROM otel.otel_logs WHERE mapContains(LogAttributes, 'user')"))
	assert.Equal(t, 100, db.number(t, "SELECT count() FROM otel.otel_logs"))
	metric, err := p.telemetry.GetMetric("otelcol_exporter_clickhouse_attributes_over_limit")
	require.NoError(t, err)
	points := metric.Data.(metricdata.Sum[int64]).DataPoints
	require.Len(t, points, 1)
	assert.Equal(t, int64(90), points[0].Value)
	column, _ := points[0].Attributes.Value("column")
	limit, _ := points[0].Attributes.Value("limit")
	assert.Equal(t, "LogAttributes values", column.AsString()+" "+limit.AsString())

	off := start(t, "logs", synchronous(endpoint)).Component.(*logsIntake)
	assert.Nil(t, off.guard, "off by default")
	assert.False(t, off.Capabilities().MutatesData)
}
