// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestDriftIsNamed changes tables that the exporter made, and starts it again.
func TestDriftIsNamed(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	reports := func(signal string) []observer.LoggedEntry {
		core, logs := observer.New(zap.WarnLevel)
		set := settings()
		set.Logger = zap.New(core)
		e, err := signals()[signal](t.Context(), set, synchronous(endpoint))
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, e.send(t.Context()))
		require.NoError(t, e.Shutdown(context.Background()))
		return logs.FilterMessageSnippet("not as this exporter writes it").All()
	}
	for signal := range signals() {
		assert.Empty(t, reports(signal), "of its own tables")
	}
	db.exec(t, "ALTER TABLE otel.otel_traces MODIFY COLUMN Duration Int64")
	db.exec(t, "ALTER TABLE otel.otel_traces MODIFY COLUMN StatusCode String")
	db.exec(t, "ALTER TABLE otel.otel_metrics_sum MODIFY COLUMN Value Float32")
	db.exec(t, "ALTER TABLE otel.otel_metrics_gauge MODIFY COLUMN StartTimeUnix DateTime64(9)") // an older exporter's
	db.exec(t, "ALTER TABLE otel.otel_metrics_gauge MODIFY COLUMN `Exemplars.TimeUnix` Array(DateTime64(9))")
	db.exec(t, "ALTER TABLE otel.otel_logs DROP COLUMN EventName") // reported otherwise

	found := reports("traces")
	require.Len(t, found, 1)
	assert.Equal(t, []any{"Duration is Int64, not UInt64", "StatusCode is String, not LowCardinality(String)"},
		found[0].ContextMap()["differing"])
	assert.Equal(t, "otel_traces", found[0].ContextMap()["table"])
	found = reports("metrics")
	require.Len(t, found, 1)
	assert.Equal(t, []any{"Value is Float32, not Float64"}, found[0].ContextMap()["differing"])
	assert.Empty(t, reports("logs"))
}

func TestMissingColumnsAreNamed(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	require.NoError(t, start(t, "traces", synchronous(endpoint)).send(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_traces DROP COLUMN TraceState")
	core, logs := observer.New(zap.WarnLevel)
	set := settings()
	set.Logger = zap.New(core)
	e, err := signals()["traces"](t.Context(), set, synchronous(endpoint))
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.ErrorContains(t, e.send(t.Context()), "NO_SUCH_COLUMN_IN_TABLE")
	require.NoError(t, e.Shutdown(context.Background()))
	found := logs.FilterMessageSnippet("not as this exporter writes it").All()
	require.Len(t, found, 1)
	assert.Equal(t, []any{"TraceState"}, found[0].ContextMap()["missing"])
}
