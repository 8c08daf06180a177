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
	profiles, err := newProfilesExporter(settings(), cfg)
	require.NoError(t, err)
	inParts(t, profiles.inserter)
	require.NoError(t, profiles.push(t.Context(), rowstest.Profiles()))

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

// TestPartsThatFail has one part fail for now and one for good: the next attempt
// leaves out what is done with.
func TestPartsThatFail(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	e, err := newLogsExporter(settings(), synchronous(endpoint))
	require.NoError(t, err)
	inParts(t, e.inserter)
	attempt := func() context.Context {
		return context.WithValue(t.Context(), deliveryKey{}, e.newDelivery(t.Context()))
	}
	require.NoError(t, e.push(attempt(), bodies("first")))
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT never CHECK Body != 'never'")
	db.exec(t, "ALTER TABLE otel.otel_logs ADD CONSTRAINT later CHECK throwIf(Body = 'later') = 0")

	err = e.push(attempt(), bodies("a", "never", "b"))
	require.ErrorContains(t, err, "VIOLATED_CONSTRAINT")
	assert.True(t, consumererror.IsPermanent(err), err)
	assert.Equal(t, 3, db.number(t, "SELECT count() FROM otel.otel_logs"), "the parts behind it are stored")

	again := attempt()
	err = e.push(again, bodies("c", "never", "later", "d"))
	require.Error(t, err)
	assert.False(t, consumererror.IsPermanent(err), err)
	assert.Equal(t, 4, db.number(t, "SELECT count() FROM otel.otel_logs"))
	db.exec(t, "ALTER TABLE otel.otel_logs DROP CONSTRAINT later")
	db.exec(t, "TRUNCATE TABLE otel.otel_logs SYNC")
	err = e.push(again, bodies("c", "never", "later", "d"))
	require.ErrorContains(t, err, "VIOLATED_CONSTRAINT", "what the first attempt was refused")
	assert.True(t, consumererror.IsPermanent(err), err)
	assert.Equal(t, "Body: \"d\"\n---\nBody: \"later\"\n", db.print(t, "SELECT Body FROM otel.otel_logs ORDER BY Body"))
}

func bodies(texts ...string) plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, text := range texts {
		records.AppendEmpty().Body().SetStr(text)
	}
	return logs
}
