// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"maps"
	"slices"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
)

// testRuntimes: every service's Go runtime metrics are there, under the names of
// the semantic conventions, and tell the truth as far as it is known.
func testRuntimes(t *testing.T, w *whole) {
	last := map[string]map[string]float64{}
	w.store.each(`
SELECT ServiceName, MetricName, sum(last) FROM (
    SELECT ServiceName, MetricName, Attributes, argMax(Value, TimeUnix) AS last
    FROM (
        SELECT ServiceName, MetricName, Attributes, ScopeName, Value, TimeUnix FROM otel_metrics_sum
        UNION ALL SELECT ServiceName, MetricName, Attributes, ScopeName, Value, TimeUnix FROM otel_metrics_gauge
        UNION ALL SELECT ServiceName, MetricName, Attributes, ScopeName, toFloat64(Count), TimeUnix FROM otel_metrics_histogram
    )
    WHERE ScopeName = @receiver GROUP BY ServiceName, MetricName, Attributes
) GROUP BY ServiceName, MetricName`, func(rows driver.Rows) error {
		var service, metric string
		var value float64
		err := rows.Scan(&service, &metric, &value)
		if last[service] == nil {
			last[service] = map[string]float64{}
		}
		last[service][metric] = value
		return err
	}, clickhouse.Named("receiver", receiverScope))

	require.ElementsMatch(t, services(), slices.Collect(maps.Keys(last)))
	for _, service := range services() {
		got := last[service]
		for _, metric := range []string{
			"go.memory.used", "go.memory.allocated", "go.memory.allocations", "go.memory.gc.goal",
			"go.goroutine.count", "go.processor.limit", "go.config.gogc", "go.schedule.duration",
		} {
			require.Contains(t, got, metric, service)
			require.Positive(t, got[metric], "%s of %s", metric, service)
		}
		require.Less(t, got["go.goroutine.count"], 1000.0, service)
		require.Greater(t, got["go.memory.used"], float64(1<<20), service)
		t.Logf("%s: %d metrics; %.1f MiB used, %.0f goroutines", service, len(got), got["go.memory.used"]/(1<<20), got["go.goroutine.count"])
	}
}
