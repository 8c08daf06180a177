// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestHostileDataIsStored stores telemetry that no SDK sends: the engine takes every
// row.
func TestHostileDataIsStored(t *testing.T) {
	cfg := synchronous(enginetest.Start(t))
	traces, logs, metrics := start(t, "traces", cfg), start(t, "logs", cfg), start(t, "metrics", cfg)
	var spans, records, points int
	for _, seed := range rowstest.Seeds() {
		s := rowstest.NewScript(append([]byte{3}, seed...))
		some := s.Traces()
		spans += some.SpanCount()
		require.NoError(t, traces.Component.(consumer.Traces).ConsumeTraces(t.Context(), some))
		more := rowstest.NewScript(append([]byte{3}, seed...)).Logs()
		records += more.LogRecordCount()
		require.NoError(t, logs.Component.(consumer.Logs).ConsumeLogs(t.Context(), more))
		measured := rowstest.NewScript(append([]byte{3}, seed...)).Metrics()
		points += measured.DataPointCount()
		err := metrics.Component.(consumer.Metrics).ConsumeMetrics(t.Context(), measured)
		if err != nil {
			require.ErrorContains(t, err, "metrics without a type")
		}
	}
	t.Logf("%d spans, %d records, %d points", spans, records, points)
	assert.Positive(t, min(spans, records, points))
	for p, rows := range map[*probe]int{&traces: spans, &logs: records, &metrics: points} {
		assert.Equal(t, balance{received: int64(rows), written: int64(rows)}, p.balance(t))
	}
}
