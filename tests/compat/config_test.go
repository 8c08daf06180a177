// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"testing"

	theirs "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/clickhouseexporter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	ours "github.com/fathom-otel/fathom/exporter/clickhouseexporter"
)

// TestMetricsTablesAreContribs compares the names of the tables of metrics that
// each exporter makes of the same keys.
func TestMetricsTablesAreContribs(t *testing.T) {
	name := func(s string) map[string]any { return map[string]any{"name": s} }
	none := map[string]any{
		"gauge": name(""), "sum": name(""), "summary": name(""), "histogram": name(""), "exponential_histogram": name(""),
	}
	for what, keys := range map[string]map[string]any{
		"defaults":         {},
		"prefix alone":     {"metrics_table_name": "m"},
		"prefix, no names": {"metrics_table_name": "m", "metrics_tables": none},
		"no names":         {"metrics_tables": none},
		"prefix, one name": {"metrics_table_name": "m", "metrics_tables": with(none, "sum", name("s"))},
		"one name":         {"metrics_tables": map[string]any{"sum": name("s"), "gauge": name("")}},
		"empty prefix":     {"metrics_table_name": "", "metrics_tables": none},
	} {
		t.Run(what, func(t *testing.T) {
			keys["endpoint"] = "tcp://127.0.0.1:9000"
			configs := map[string]any{}
			for side, factory := range factories() {
				configs[side] = factory.CreateDefaultConfig()
				require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(configs[side]))
				require.NoError(t, configs[side].(interface{ Validate() error }).Validate())
			}
			want, got := configs[contrib].(*theirs.Config).MetricsTables, configs[fathom].(*ours.Config).MetricsTables
			assert.Equal(t,
				[]string{want.Gauge.Name, want.Sum.Name, want.Summary.Name, want.Histogram.Name, want.ExponentialHistogram.Name},
				[]string{got.Gauge.Name, got.Sum.Name, got.Summary.Name, got.Histogram.Name, got.ExponentialHistogram.Name})
			t.Log(got)
		})
	}
}
