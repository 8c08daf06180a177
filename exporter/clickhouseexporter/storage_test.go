// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// tablesOf is the columns of each table of a signal.
func tablesOf(signal string) map[string]proto.Input {
	metrics := rows.NewMetrics()
	switch signal {
	case "traces":
		return map[string]proto.Input{"otel_traces": rows.NewTraces().Input()}
	case "logs":
		return map[string]proto.Input{"otel_logs": rows.NewLogs().Input()}
	case "profiles":
		return map[string]proto.Input{"otel_profiles": rows.NewProfiles().Input()}
	default:
		return map[string]proto.Input{
			"otel_metrics_gauge":                 metrics.Gauge.Input(),
			"otel_metrics_sum":                   metrics.Sum.Input(),
			"otel_metrics_summary":               metrics.Summary.Input(),
			"otel_metrics_histogram":             metrics.Histogram.Input(),
			"otel_metrics_exponential_histogram": metrics.ExponentialHistogram.Input(),
		}
	}
}

// TestStoresEveryColumn stores awkward data in a real ClickHouse, reads every
// column of every table back with another client, and compares it with what
// the conversion's golden files say.
func TestStoresEveryColumn(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	for signal := range signals() {
		t.Run(signal, func(t *testing.T) {
			p := start(t, signal, synchronous(endpoint))
			require.NoError(t, p.send(t.Context()))
			for table, columns := range tablesOf(signal) {
				names := make([]string, len(columns))
				for i, column := range columns {
					names[i] = column.Name
				}
				want, err := os.ReadFile(filepath.Join("internal", "rows", "testdata", table+".golden"))
				require.NoError(t, err)
				assert.Equal(t, string(want), db.print(t, "SELECT "+quoted(names)+" FROM otel."+table), table)
				assert.Equal(t, int64(db.number(t, "SELECT count() FROM otel."+table)),
					p.counter(t, "rows_written", "table")[table], table)
			}
		})
	}

	t.Run("look-up of a trace's time", func(t *testing.T) {
		assert.Equal(t, "TraceId: \"4bf92f3577b34da6a3ce929d0e0e4736\"\n"+
			"Start: 2026-03-01T12:00:00Z\nEnd: 2026-03-01T12:00:00Z\n",
			db.print(t, "SELECT TraceId, Start, End FROM otel.otel_traces_trace_id_ts"))
	})
	t.Run("keys are sorted", func(t *testing.T) {
		for table, column := range map[string]string{
			"otel_traces":        "SpanAttributes",
			"otel_logs":          "ResourceAttributes",
			"otel_metrics_gauge": "Attributes",
		} {
			assert.Zero(t, db.number(t, "SELECT countIf(mapKeys("+column+") != arraySort(mapKeys("+column+"))) FROM otel."+table))
		}
	})
	t.Run("materialized columns", func(t *testing.T) {
		assert.Equal(t, 3, db.number(t,
			"SELECT count() FROM otel.otel_logs WHERE `__otel_materialized_k8s.pod.name` = 'checkout-7d9'"))
	})
}

func TestCountsCorrections(t *testing.T) {
	endpoint := enginetest.Start(t)
	for signal, want := range map[string]map[string]int64{
		"traces":   {"negative_duration": 1},
		"logs":     {"severity_out_of_range": 2},
		"metrics":  {"time_out_of_range": 2},
		"profiles": {"index_out_of_range": 12, "line_out_of_range": 1},
	} {
		p := start(t, signal, synchronous(endpoint))
		require.NoError(t, p.send(t.Context()))
		assert.Equal(t, want, p.counter(t, "values_corrected", "reason"))
	}
}

func TestWireVariants(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	stored := map[string]int{}
	for name, change := range map[string]func(*Config){
		"no compression":        func(c *Config) { c.Compress = "none" },
		"lz4":                   func(c *Config) { c.Compress = "lz4" },
		"lz4hc":                 func(c *Config) { c.Compress = "lz4hc" },
		"zstd":                  func(c *Config) { c.Compress = "zstd" },
		"asynchronous insert":   func(c *Config) { c.AsyncInsert = true },
		"second address":        func(c *Config) { c.Endpoint = closedEndpoint(t) + "," + endpoint },
		"setting in parameters": func(c *Config) { c.ConnectionParams = map[string]string{"max_threads": "1"} },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := synchronous(endpoint)
			change(cfg)
			for signal := range signals() {
				p := start(t, signal, cfg)
				require.NoError(t, p.send(t.Context()))
				for table, rows := range p.counter(t, "rows_written", "table") {
					stored[table] += int(rows)
				}
			}
			for table, want := range stored {
				assert.Equal(t, want, db.number(t, "SELECT count() FROM otel."+table), table)
			}
		})
	}
}

func TestOwnTableNames(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	cfg := synchronous(endpoint)
	cfg.Database, cfg.TracesTableName = "dash-board", "spans`of \\ all"
	p := start(t, "traces", cfg)
	require.NoError(t, p.send(t.Context()))
	assert.Equal(t, 4, db.number(t, "SELECT count() FROM `dash-board`.`spans\\`of \\\\ all`"))
	assert.Equal(t, 1, db.number(t, "SELECT count() FROM `dash-board`.`spans\\`of \\\\ all_trace_id_ts`"))
}

// TestManyDaysAtOnce stores a batch of more days, each a partition of the
// tables, than ClickHouse takes in one INSERT by default.
func TestManyDaysAtOnce(t *testing.T) {
	const days = 101
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p, consume := startTraces(t, synchronous(endpoint))
	batch := numbered(0, days)
	spans := batch.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	for day := range days {
		spans.At(day).SetStartTimestamp(pcommon.NewTimestampFromTime(time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC)))
		spans.At(day).SetEndTimestamp(spans.At(day).StartTimestamp() + 1)
	}
	require.NoError(t, consume(t.Context(), batch))
	assert.Equal(t, int64(days), p.counter(t, "rows_written", "table")["otel_traces"])
	for _, table := range []string{"otel_traces", "otel_traces_trace_id_ts"} {
		assert.Equal(t, days, db.number(t, "SELECT count() FROM otel."+table), table)
	}
}
