// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestPartsHoldEveryColumn stores each row as a block of its own and compares
// what comes back with what one block stores.
func TestPartsHoldEveryColumn(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	cfg := synchronous(endpoint)

	traces, err := newTracesExporter(settings(), cfg)
	require.NoError(t, err)
	inParts(t, traces.inserter)
	require.NoError(t, traces.push(t.Context(), rowstest.Traces()))
	logs, err := newLogsExporter(settings(), cfg)
	require.NoError(t, err)
	inParts(t, logs.inserter)
	require.NoError(t, logs.push(t.Context(), rowstest.Logs()))
	metrics, err := newMetricsExporter(settings(), cfg)
	require.NoError(t, err)
	inParts(t, metrics.inserter)
	require.NoError(t, metrics.push(t.Context(), rowstest.Metrics()))

	for signal := range signals() {
		for table, columns := range tablesOf(signal) {
			names := make([]string, len(columns))
			for i, column := range columns {
				names[i] = column.Name
			}
			want, err := os.ReadFile(filepath.Join("internal", "rows", "testdata", table+".golden"))
			require.NoError(t, err)
			assert.Equal(t, string(want), db.print(t, "SELECT "+quoted(names)+" FROM otel."+table), table)
		}
	}
}

// inParts has an exporter insert each row on its own.
func inParts(t *testing.T, i *inserter) {
	t.Helper()
	i.maxBlock = 1
	require.NoError(t, i.start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, i.shutdown(context.Background())) })
}

// TestLargeBatch stores more than the engine, and ch-go, take in one frame.
func TestLargeBatch(t *testing.T) {
	const records, size = 70, 2 << 20
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	logs := plog.NewLogs()
	all := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	body := strings.Repeat("x", size)
	for range records {
		all.AppendEmpty().Body().SetStr(body)
	}
	e, err := newLogsExporter(settings(), synchronous(endpoint))
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, e.shutdown(context.Background())) }()
	require.NoError(t, e.push(t.Context(), logs))
	assert.Equal(t, records*size, db.number(t, "SELECT sum(length(Body)) FROM otel.otel_logs"))
}

// TestPartsThatFail has one part fail for now and one for good: only what is not
// done with is given back.
func TestPartsThatFail(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	e, err := newLogsExporter(settings(), synchronous(endpoint))
	require.NoError(t, err)
	inParts(t, e.inserter)
	require.NoError(t, e.push(t.Context(), bodies("first")))
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT never CHECK Body != 'never'")
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT later CHECK throwIf(Body = 'later') = 0")

	err = e.push(t.Context(), bodies("a", "never", "b"))
	require.ErrorContains(t, err, "VIOLATED_CONSTRAINT")
	assert.True(t, consumererror.IsPermanent(err), err)
	assert.Equal(t, 3, db.number(t, "SELECT count() FROM otel.otel_logs"), "the parts behind it are stored")

	err = e.push(t.Context(), bodies("c", "never", "later", "d"))
	assert.False(t, consumererror.IsPermanent(err), err)
	var rest consumererror.Logs
	require.ErrorAs(t, err, &rest)
	assert.Equal(t, bodies("later", "d"), rest.Data())
	assert.Equal(t, 4, db.number(t, "SELECT count() FROM otel.otel_logs"))
}

func bodies(texts ...string) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, text := range texts {
		records.AppendEmpty().Body().SetStr(text)
	}
	return logs
}

func TestWhatIsLeft(t *testing.T) {
	traces, logs, metrics := rowstest.Traces(), rowstest.Logs(), rowstest.Metrics()
	for n := range traces.SpanCount() + 1 {
		assert.Equal(t, traces.SpanCount()-n, spansAfter(traces, n).SpanCount())
	}
	for n := range logs.LogRecordCount() + 1 {
		assert.Equal(t, logs.LogRecordCount()-n, recordsAfter(logs, n).LogRecordCount())
	}
	kinds := rows.MetricTypes()
	all := pointsByType(metrics, kinds[:])
	for kind, points := range all {
		for n := range points + 1 {
			left := pointsByType(pointsAfter(metrics, map[pmetric.MetricType]int{kind: n}), kinds[:])
			want := map[pmetric.MetricType]int{kind: points - n}
			if n == points {
				want = map[pmetric.MetricType]int{}
			}
			assert.Equal(t, want, left)
		}
	}
	assert.Equal(t, rowstest.Metrics(), metrics, "the batch is shared and stays as it was")
}
