// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// patient is a configuration that retries soon and for ever.
func patient(endpoint string) *Config {
	cfg := configFor("tcp://" + endpoint)
	cfg.BackOffConfig.InitialInterval = 50 * time.Millisecond
	cfg.BackOffConfig.MaxInterval = 200 * time.Millisecond
	cfg.BackOffConfig.MaxElapsedTime = 0
	cfg.TimeoutSettings.Timeout = patience
	return cfg
}

// eventually waits until a query returns a number.
func (d database) eventually(t *testing.T, want int, query string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var n uint64
		// Until ClickHouse is back, there is an error instead of a number.
		err := d.QueryRow(t.Context(), query).Scan(&n)
		return err == nil && int(n) == want
	}, patience, 50*time.Millisecond, query)
}

func TestStartsBeforeClickHouse(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	engine.Stop(t)
	for signal := range signals() {
		t.Run(signal, func(t *testing.T) {
			p := start(t, signal, patient(engine.Endpoint))
			require.NoError(t, p.send(t.Context()))
			require.Eventually(t, func() bool { return p.counter(t, "schema_failures", "reason")["connection"] > 1 },
				patience, 10*time.Millisecond)
			engine.Restart(t)
			db := connect(t, engine.Endpoint)
			for table := range tablesOf(signal) {
				db.eventually(t, 1, "SELECT toUInt64(count() > 0) FROM otel."+table)
			}
			engine.Stop(t)
		})
	}
}

// TestCrashesUnderLoad kills the engine twice while spans arrive. Each span
// that was accepted is stored, once.
func TestCrashesUnderLoad(t *testing.T) {
	const requests, spans = 60, 50
	for name, async := range map[string]bool{"async_insert": true, "synchronous": false} {
		t.Run(name, func(t *testing.T) {
			engine := enginetest.StartAt(t, t.TempDir())
			cfg := patient(engine.Endpoint)
			cfg.AsyncInsert = async
			p, consume := startTraces(t, cfg)
			for request := range requests {
				require.NoError(t, consume(t.Context(), numbered(request*spans, spans)))
				if request == requests/3 || request == 2*requests/3 {
					engine.Kill(t)
					time.Sleep(300 * time.Millisecond)
					engine.Restart(t)
				}
				time.Sleep(5 * time.Millisecond)
			}

			db := connect(t, engine.Endpoint)
			db.eventually(t, requests*spans, "SELECT uniqExact(SpanId) FROM otel.otel_traces")
			p.stop()
			written := p.counter(t, "rows_written", "table")["otel_traces"]
			failed := p.counter(t, "insert_failures", "table")["otel_traces"]
			stored := db.number(t, "SELECT count() FROM otel.otel_traces")
			t.Logf("%d spans accepted, %d acknowledged, %d stored, %d inserts failed",
				requests*spans, written, stored, failed)
			assert.Equal(t, int64(requests*spans), written, "each span is acknowledged once")
			assert.Equal(t, requests*spans, stored, "and stored once")
			assert.Empty(t, p.counter(t, "rows_refused", "reason"))
		})
	}
}

// TestIdleConnectionsAreChecked restarts the engine between two batches: the
// second finds the connections of the first dead and does not fail on them.
func TestIdleConnectionsAreChecked(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	p := start(t, "traces", synchronous(engine.Endpoint))
	require.NoError(t, p.send(t.Context()))
	engine.Restart(t)
	require.NoError(t, p.send(t.Context()))
	assert.Empty(t, p.counter(t, "insert_failures", "reason"))
}

func TestDroppedTableComesBack(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	for signal := range signals() {
		t.Run(signal, func(t *testing.T) {
			p := start(t, signal, patient(endpoint))
			for table := range tablesOf(signal) {
				db.eventually(t, 1, "SELECT count() FROM system.tables WHERE database = 'otel' AND name = '"+table+"'")
				db.exec(t, "DROP TABLE otel."+table+" SYNC")
			}
			require.NoError(t, p.send(t.Context()))
			for table := range tablesOf(signal) {
				db.eventually(t, 1, "SELECT toUInt64(count() > 0) FROM otel."+table)
			}
		})
	}
}

// TestDroppedTableComesBackUnasked has no data after the batch that found the
// table dropped.
func TestDroppedTableComesBackUnasked(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p := start(t, "traces", synchronous(endpoint))
	require.NoError(t, p.send(t.Context()))
	db.exec(t, "DROP TABLE otel.otel_traces SYNC")
	require.ErrorContains(t, p.send(t.Context()), "UNKNOWN_TABLE")
	db.eventually(t, 1, "SELECT count() FROM system.tables WHERE database = 'otel' AND name = 'otel_traces'")
}

// TestRefusedForGood inserts into a table of the user's that does not fit.
func TestRefusedForGood(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	db.exec(t, "CREATE DATABASE otel")
	db.exec(t, "CREATE TABLE otel.otel_traces (TraceId String) ENGINE = MergeTree ORDER BY TraceId")
	cfg := synchronous(endpoint)
	cfg.CreateSchema = false
	p := start(t, "traces", cfg)
	err := p.send(t.Context())
	require.ErrorContains(t, err, "insert 4 rows into otel_traces")
	assert.True(t, consumererror.IsPermanent(err), err)
	assert.Equal(t, map[string]int64{"NO_SUCH_COLUMN_IN_TABLE": 4}, p.counter(t, "rows_refused", "reason"))
	assert.Equal(t, map[string]int64{"NO_SUCH_COLUMN_IN_TABLE": 1}, p.counter(t, "insert_failures", "reason"))
}

// TestMetricsAreRetriedByTable lets two of the five tables fail, one for good
// and one until it is there: the others are stored once.
func TestMetricsAreRetriedByTable(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	tables := rehearseMetrics(t, endpoint)
	var summary string
	require.NoError(t, db.QueryRow(t.Context(),
		"SELECT create_table_query FROM system.tables WHERE database = 'otel' AND name = 'otel_metrics_summary'").Scan(&summary))
	db.exec(t, "DROP TABLE otel.otel_metrics_summary SYNC")
	db.exec(t, "DROP TABLE otel.otel_metrics_sum SYNC")
	db.exec(t, "CREATE TABLE otel.otel_metrics_sum (Value Float64) ENGINE = MergeTree ORDER BY Value")

	cfg := patient(endpoint)
	cfg.CreateSchema = false
	p := start(t, "metrics", cfg)
	require.NoError(t, p.send(t.Context()))
	require.Eventually(t, func() bool { return p.counter(t, "insert_failures", "reason")["UNKNOWN_TABLE"] > 2 },
		patience, 10*time.Millisecond)
	db.exec(t, summary)
	db.eventually(t, tables["otel_metrics_summary"], "SELECT count() FROM otel.otel_metrics_summary")
	p.stop()

	for table, want := range tables {
		if table == "otel_metrics_sum" {
			want = 0
		}
		assert.Equal(t, want, db.number(t, "SELECT count() FROM otel."+table), table)
		assert.Equal(t, int64(want), p.counter(t, "rows_written", "table")[table], table)
	}
	assert.Equal(t, int64(tables["otel_metrics_sum"]), p.counter(t, "rows_refused", "table")["otel_metrics_sum"])
	assert.Equal(t, int64(1), p.counter(t, "insert_failures", "table")["otel_metrics_sum"], "refused once, not retried")
}

// rehearseMetrics creates the metric tables, stores the sample and empties them
// again. It returns the rows that each had.
func rehearseMetrics(t *testing.T, endpoint string) map[string]int {
	p := start(t, "metrics", synchronous(endpoint))
	require.NoError(t, p.send(t.Context()))
	db := connect(t, endpoint)
	rows := map[string]int{}
	for table := range tablesOf("metrics") {
		rows[table] = db.number(t, "SELECT count() FROM otel."+table)
		require.Positive(t, rows[table], table)
		db.exec(t, "TRUNCATE TABLE otel."+table+" SYNC")
	}
	p.stop()
	return rows
}

func TestMetricsWithoutTypeOnly(t *testing.T) {
	factory := NewFactory()
	endpoint := enginetest.Start(t)
	e, err := factory.CreateMetrics(t.Context(), settings(), synchronous(endpoint))
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, e.Shutdown(context.Background())) }()
	metrics := pmetric.NewMetrics()
	metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetName("shapeless")
	err = e.ConsumeMetrics(t.Context(), metrics)
	require.ErrorContains(t, err, `"shapeless"`)
	assert.True(t, consumererror.IsPermanent(err))
}

func TestLogsTableOfAnOlderExporter(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p := start(t, "logs", synchronous(endpoint))
	require.NoError(t, p.send(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_logs DROP COLUMN EventName")

	older := start(t, "logs", synchronous(endpoint))
	require.NoError(t, older.send(t.Context()))
	assert.Equal(t, 8, db.number(t, "SELECT count() FROM otel.otel_logs"))
	assert.Equal(t, int64(1), older.counter(t, "values_corrected", "reason")["event_name_without_column"])
}

// TestLogsTableMadeAnew takes the column for event names away from a running
// exporter: what it sent with it is stored without.
func TestLogsTableMadeAnew(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p := start(t, "logs", patient(endpoint))
	require.NoError(t, p.send(t.Context()))
	db.eventually(t, 4, "SELECT count() FROM otel.otel_logs")
	db.exec(t, "ALTER TABLE otel.otel_logs DROP COLUMN EventName")
	require.NoError(t, p.send(t.Context()))
	db.eventually(t, 8, "SELECT count() FROM otel.otel_logs")
	p.stop()
	assert.Empty(t, p.counter(t, "rows_refused", "reason"))
	assert.Equal(t, int64(8), p.counter(t, "rows_written", "table")["otel_logs"])
	assert.Equal(t, int64(1), p.counter(t, "values_corrected", "reason")["event_name_without_column"])
}

// TestLogsTableWithoutAnotherColumn refuses for good what no other look at the
// table would store.
func TestLogsTableWithoutAnotherColumn(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p := start(t, "logs", synchronous(endpoint))
	require.NoError(t, p.send(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_logs DROP COLUMN ScopeVersion")
	err := p.send(t.Context())
	assert.True(t, consumererror.IsPermanent(err), err)
	assert.Equal(t, map[string]int64{"NO_SUCH_COLUMN_IN_TABLE": 4}, p.counter(t, "rows_refused", "reason"))
}

func TestUnknownSettingIsNamed(t *testing.T) {
	cfg := synchronous(enginetest.Start(t))
	cfg.ConnectionParams = map[string]string{"max_thredas": "1"}
	p := start(t, "traces", cfg)
	err := p.send(t.Context())
	require.ErrorContains(t, err, "max_thredas")
	assert.NotEmpty(t, p.counter(t, "schema_failures", "reason")["UNKNOWN_SETTING"])
}

// TestBadTableEngineIsNamed has the text of table_engine break the statement
// that it becomes a part of.
func TestBadTableEngineIsNamed(t *testing.T) {
	endpoint := enginetest.Start(t)
	for signal := range signals() {
		cfg := synchronous(endpoint)
		cfg.TableEngine = TableEngineConfig{Name: "MergeTree", Params: "'it's'"}
		p := start(t, signal, cfg)
		err := p.send(t.Context())
		require.ErrorContains(t, err, "mend table_engine.name and table_engine.params")
		assert.False(t, consumererror.IsPermanent(err), err)
		assert.NotEmpty(t, p.counter(t, "schema_failures", "reason")["SYNTAX_ERROR"])
		p.stop()
	}
}

// TestBadSettingsKeepTheData inserts rows that are well under settings that are
// not: a server may be mended while the data waits.
func TestBadSettingsKeepTheData(t *testing.T) {
	endpoint := enginetest.Start(t)
	require.NoError(t, start(t, "traces", synchronous(endpoint)).send(t.Context()))
	for setting, reason := range map[string]string{
		"max_thredas":    "UNKNOWN_SETTING",
		"max_query_size": "SYNTAX_ERROR",
	} {
		t.Run(reason, func(t *testing.T) {
			cfg := synchronous(endpoint)
			cfg.CreateSchema = false
			cfg.ConnectionParams = map[string]string{setting: "7"}
			p := start(t, "traces", cfg)
			err := p.send(t.Context())
			require.ErrorContains(t, err, "connection_params")
			if reason == "UNKNOWN_SETTING" {
				require.ErrorContains(t, err, setting)
			}
			assert.False(t, consumererror.IsPermanent(err), err)
			assert.Equal(t, map[string]int64{"given_up": 4}, p.counter(t, "rows_refused", "reason"), "without a queue")
			assert.Equal(t, map[string]int64{reason: 1}, p.counter(t, "insert_failures", "reason"))
		})
	}
}

func TestMissingTableWithoutCreateSchema(t *testing.T) {
	cfg := synchronous(enginetest.Start(t))
	cfg.Database, cfg.CreateSchema = "default", false
	for signal, want := range map[string]string{
		"traces":  "UNKNOWN_TABLE",
		"logs":    "table default.otel_logs does not exist",
		"metrics": "UNKNOWN_TABLE",
	} {
		p := start(t, signal, cfg)
		err := p.send(t.Context())
		require.ErrorContains(t, err, want)
		assert.False(t, consumererror.IsPermanent(err), "the table may be created while the data waits")
	}
}

// startTraces is start for traces of the test's own.
func startTraces(t *testing.T, cfg *Config) (probe, func(context.Context, ptrace.Traces) error) {
	p := start(t, "traces", cfg)
	consumer := p.Component.(interface {
		ConsumeTraces(context.Context, ptrace.Traces) error
	})
	return p, consumer.ConsumeTraces
}

// numbered is spans whose IDs begin with a number.
func numbered(first, count int) ptrace.Traces {
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for n := first; n < first+count; n++ {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1, byte(n), byte(n >> 8), byte(n >> 16)})
		span.SetSpanID(pcommon.SpanID{1, byte(n), byte(n >> 8), byte(n >> 16)})
		span.SetName(fmt.Sprint("span ", n%10))
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		span.SetEndTimestamp(span.StartTimestamp() + 1)
	}
	return traces
}

// TestMetricTablesOfAnOlderExporter keeps nanoseconds where the table has them.
func TestMetricTablesOfAnOlderExporter(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	rehearseMetrics(t, endpoint)
	db.exec(t, "ALTER TABLE otel.otel_metrics_summary MODIFY COLUMN StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD(1))")
	p := start(t, "metrics", synchronous(endpoint))
	require.NoError(t, p.send(t.Context()))
	assert.Equal(t, "StartTimeUnix: 2026-03-01T12:00:00.123456789Z\nTimeUnix: 2026-03-01T12:00:01Z\n",
		db.print(t, "SELECT StartTimeUnix, TimeUnix FROM otel.otel_metrics_summary WHERE Count > 0"))
}
