// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func inJSON(endpoint string) *Config {
	cfg := synchronous(endpoint)
	cfg.JSON = true
	return cfg
}

// TestStoresJSON stores awkward data in JSON columns, by each compression, and
// reads values of each type back by their paths.
func TestStoresJSON(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	compressions := []string{"none", "lz4", "zstd"}
	for _, compress := range compressions {
		cfg := inJSON(endpoint)
		cfg.Compress = compress
		for _, signal := range []string{"traces", "logs"} {
			p := start(t, signal, cfg)
			require.NoError(t, p.send(t.Context()))
			assert.Equal(t, int64(4), p.counter(t, "rows_written", "table")["otel_"+signal])
		}
	}
	n := len(compressions)
	for query, want := range map[string]int{
		"SELECT count() FROM otel.otel_traces": 4 * n,
		"SELECT count() FROM otel.otel_logs":   4 * n,
		"SELECT count() FROM otel.otel_traces WHERE SpanAttributes.bool.:Bool AND SpanAttributes.int.:Int64 = -9223372036854775808":                   n,
		"SELECT count() FROM otel.otel_traces WHERE SpanAttributes.double.:Float64 = 1.5e-7 AND SpanAttributes.bytes = 'AQID'":                        n,
		"SELECT count() FROM otel.otel_traces WHERE SpanAttributes.map.nested.:Int64 = 1 AND has(SpanAttributesKeys, 'map.nested')":                   n,
		"SELECT count() FROM otel.otel_traces WHERE ResourceAttributes.k8s.pod.name = 'checkout-7d9'":                                                 3 * n,
		"SELECT count() FROM otel.otel_traces WHERE has(ResourceAttributesKeys, 'k8s.pod.name')":                                                      3 * n,
		"SELECT count() FROM otel.otel_traces WHERE length(Events.Attributes) = 3 AND toString(Events.Attributes[2].file.path) = '/var/lib/shop/wal'": n,
		"SELECT count() FROM otel.otel_logs WHERE ScopeAttributes.z = 'last' AND ScopeAttributesKeys = ['a', 'z'] AND LogAttributesKeys != []":        n,
		"SELECT count() FROM otel.otel_logs WHERE EventName = 'fathom.file.fsync' AND LogAttributes.string = 'ä \"quoted\"'":                          n,
	} {
		assert.Equal(t, want, db.number(t, query), query)
	}
}

// TestJSONTablesOfAnOlderExporter have no columns of the paths, and a type with
// parameters: they are written to as they are.
func TestJSONTablesOfAnOlderExporter(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	for _, signal := range []string{"traces", "logs"} {
		require.NoError(t, start(t, signal, inJSON(endpoint)).send(t.Context()))
	}
	db.exec(t, "ALTER TABLE otel.otel_traces DROP INDEX idx_res_attr_keys, DROP INDEX idx_span_attr_keys, "+
		"DROP COLUMN ResourceAttributesKeys, DROP COLUMN SpanAttributesKeys")
	db.exec(t, "ALTER TABLE otel.otel_traces DROP COLUMN SpanAttributes, ADD COLUMN SpanAttributes JSON(max_dynamic_paths=8, k String)")
	db.exec(t, "ALTER TABLE otel.otel_logs DROP INDEX idx_log_attr_keys, DROP COLUMN LogAttributesKeys")
	for _, signal := range []string{"traces", "logs"} {
		core, logs := observer.New(zap.WarnLevel)
		set := settings()
		set.Logger = zap.New(core)
		e, err := signals()[signal](t.Context(), set, inJSON(endpoint))
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, e.send(t.Context()))
		require.NoError(t, e.Shutdown(context.Background()))
		assert.Equal(t, 8, db.number(t, "SELECT count() FROM otel.otel_"+signal))
		assert.Empty(t, logs.FilterMessageSnippet("not as this exporter writes it").All())
		reported := logs.FilterMessageSnippet("no columns for some of what").All()
		require.Len(t, reported, 1)
		db.exec(t, reported[0].ContextMap()["add_them_with"].(string))
	}
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.otel_traces WHERE SpanAttributes.double.:Float64 = 1.5e-7"))
	for _, signal := range []string{"traces", "logs"} {
		require.NoError(t, start(t, signal, inJSON(endpoint)).send(t.Context()))
	}
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.otel_traces WHERE has(SpanAttributesKeys, 'map.nested')"))
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM otel.otel_logs WHERE has(LogAttributesKeys, 'map.nested')"))
}

// TestFormIsNamedAsDrift writes JSON to tables with Map columns.
func TestFormIsNamedAsDrift(t *testing.T) {
	endpoint := enginetest.Start(t)
	require.NoError(t, start(t, "traces", synchronous(endpoint)).send(t.Context()))
	core, logs := observer.New(zap.WarnLevel)
	set := settings()
	set.Logger = zap.New(core)
	e, err := signals()["traces"](t.Context(), set, inJSON(endpoint))
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	traces := e.Component.(exporter.Traces)
	require.NoError(t, traces.ConsumeTraces(t.Context(), ptrace.NewTraces()))
	require.NoError(t, e.Shutdown(context.Background()))
	found := logs.FilterMessageSnippet("not as this exporter writes it").All()
	require.Len(t, found, 1)
	assert.Contains(t, found[0].ContextMap()["differing"], "SpanAttributes is Map(LowCardinality(String), String), not JSON")
}
