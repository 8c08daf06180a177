// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestLossIsCounted gives data up in each way that there is while ClickHouse
// is away: all of it is counted.
func TestLossIsCounted(t *testing.T) {
	for signal, metric := range map[string]string{
		"traces":  "otelcol_exporter_send_failed_spans",
		"logs":    "otelcol_exporter_send_failed_log_records",
		"metrics": "otelcol_exporter_send_failed_metric_points",
	} {
		items := map[string]int64{"traces": 4, "logs": 4, "metrics": 14}[signal]
		t.Run(signal+"/retries end", func(t *testing.T) {
			cfg := configFor(closedEndpoint(t))
			cfg.BackOffConfig.InitialInterval = time.Millisecond
			cfg.BackOffConfig.MaxElapsedTime = 20 * time.Millisecond
			p := start(t, signal, cfg)
			require.NoError(t, p.send(t.Context()))
			require.Eventually(t, func() bool { return p.sum(metric) == items }, patience, 5*time.Millisecond)
		})
		t.Run(signal+"/shutdown", func(t *testing.T) {
			cfg := configFor(closedEndpoint(t))
			p := start(t, signal, cfg)
			require.NoError(t, p.send(t.Context()))
			p.stop()
			assert.Equal(t, items, p.sum(metric))
		})
		t.Run(signal+"/shutdown with a queue", func(t *testing.T) {
			cfg := configFor(closedEndpoint(t))
			cfg.QueueSettings.Get().NumConsumers = 1
			p := start(t, signal, cfg)
			for range 5 {
				require.NoError(t, p.send(t.Context()))
			}
			p.stop()
			assert.Equal(t, 5*items, p.sum(metric))
		})
		t.Run(signal+"/full queue", func(t *testing.T) {
			cfg := configFor(closedEndpoint(t))
			cfg.QueueSettings.Get().NumConsumers = 1
			cfg.QueueSettings.Get().QueueSize = 1
			p := start(t, signal, cfg)
			var refused int64
			for range 5 {
				if p.send(t.Context()) != nil {
					refused++
				}
			}
			require.Positive(t, refused)
			assert.Equal(t, refused*items, p.sum(strings.Replace(metric, "send_failed", "enqueue_failed", 1)))
			p.stop()
			assert.Equal(t, (5-refused)*items, p.sum(metric))
		})
	}
}

// sum is a counter's value over all attributes, 0 where nothing was counted.
func (p probe) sum(name string) int64 {
	metric, err := p.telemetry.GetMetric(name)
	if err != nil {
		return 0
	}
	var total int64
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		total += point.Value
	}
	return total
}
