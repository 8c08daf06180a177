// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// FuzzExcerpts makes excerpts of telemetry that no SDK sends: each is one line of
// JSON that has its rows again.
func FuzzExcerpts(f *testing.F) {
	for n, seed := range rowstest.Seeds() {
		f.Add(append([]byte{3}, seed...), uint16(n/2), uint16(n))
	}
	f.Fuzz(func(t *testing.T, script []byte, from, to uint16) {
		first, last := int(from), int(max(from, to))
		within := func(rows int) int { return max(0, min(last, rows)-first) }

		traces := rowstest.NewScript(script).Traces()
		text := line(t, Traces(traces), first, last)
		spans, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(text)
		require.NoError(t, err)
		require.Equal(t, within(traces.SpanCount()), spans.SpanCount())

		logs := rowstest.NewScript(script).Logs()
		text = line(t, Logs(logs), first, last)
		records, err := new(plog.JSONUnmarshaler).UnmarshalLogs(text)
		require.NoError(t, err)
		require.Equal(t, within(logs.LogRecordCount()), records.LogRecordCount())

		metrics := rowstest.NewScript(script).Metrics()
		block := rows.NewMetrics()
		block.Append(metrics)
		for _, kind := range rows.MetricTypes() {
			text = line(t, Metrics(metrics, kind), first, last)
			points, err := new(pmetric.JSONUnmarshaler).UnmarshalMetrics(text)
			require.NoError(t, err)
			require.Equal(t, within(block.Block(kind).Rows()), points.DataPointCount())
		}
	})
}

func line(t *testing.T, rows Excerpt, from, to int) []byte {
	t.Helper()
	text, err := rows(from, to)
	require.NoError(t, err)
	require.NotContains(t, string(text), "\n")
	return text
}
