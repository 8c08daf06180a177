// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestTheSameDeliveryIsStoredOnce stores a batch, and again as the Collector
// would that was killed before it heard of it: the queue gives it back with the
// identity that it was accepted with.
func TestTheSameDeliveryIsStoredOnce(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	accepted := identified(t.Context(), newIdentities().next())
	for range 3 { // lives of a Collector
		pushAll(t, synchronous(endpoint), accepted)
	}
	assert.Equal(t, map[string]int{
		"otel_traces": 4, "otel_traces_trace_id_ts": 1, "otel_logs": 4, "otel_metrics_gauge": 4, "otel_metrics_sum": 4,
		"otel_metrics_summary": 2, "otel_metrics_histogram": 2, "otel_metrics_exponential_histogram": 2,
		"otel_profiles": 5,
	}, stored(t, db))
	once := stored(t, db)

	pushAll(t, synchronous(endpoint), identified(t.Context(), newIdentities().next()))
	for table, rows := range stored(t, db) {
		assert.Equal(t, 2*once[table], rows, "what was sent twice is stored twice: %s", table)
	}
}

// persistent is a configuration with a queue on disk, for exporters whose queue
// the test stands for.
func persistent(cfg *Config) *Config {
	id := diskID()
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.StorageID = &id
	with := *cfg
	with.QueueSettings = configoptional.Some(queue)
	return &with
}

// pushAll stores a batch of each signal, in parts of a row each, with exporters
// of its own.
func pushAll(t *testing.T, cfg *Config, accepted context.Context) {
	t.Helper()
	cfg = persistent(cfg)
	traces, err := newTracesExporter(settings(), cfg)
	require.NoError(t, err)
	logs, err := newLogsExporter(settings(), cfg)
	require.NoError(t, err)
	metrics, err := newMetricsExporter(settings(), cfg)
	require.NoError(t, err)
	profiles, err := newProfilesExporter(settings(), cfg)
	require.NoError(t, err)
	for i, push := range map[*inserter]func(context.Context) error{
		profiles.inserter: func(ctx context.Context) error { return profiles.push(ctx, rowstest.Profiles()) },
		traces.inserter:   func(ctx context.Context) error { return traces.push(ctx, rowstest.Traces()) },
		logs.inserter:     func(ctx context.Context) error { return logs.push(ctx, rowstest.Logs()) },
		metrics.inserter:  func(ctx context.Context) error { return metrics.push(ctx, rowstest.Metrics()) },
	} {
		i.maxBlock = 1
		require.NoError(t, i.start(accepted, componenttest.NewNopHost()))
		ctx, span := deliveryProvider{noop.NewTracerProvider(), i}.Tracer("").Start(accepted, "")
		require.NoError(t, push(ctx))
		span.End()
		require.NoError(t, i.shutdown(context.Background()))
	}
}

// stored is the rows of each table.
func stored(t *testing.T, db database) map[string]int {
	t.Helper()
	tables := []string{"otel_traces_trace_id_ts"}
	for signal := range signals() {
		tables = slices.AppendSeq(tables, maps.Keys(tablesOf(signal)))
	}
	rows := map[string]int{}
	for _, table := range tables {
		rows[table] = db.number(t, "SELECT count() FROM otel."+table)
	}
	return rows
}

func TestDeliveries(t *testing.T) {
	life := func(cfg *Config) *logsExporter {
		e, err := newLogsExporter(settings(), cfg)
		require.NoError(t, err)
		return e
	}
	cfg := persistent(configFor("tcp://127.0.0.1:9000"))
	e, next := life(cfg), life(cfg)
	accepted := identified(client.NewContext(t.Context(), client.Info{
		Metadata: client.NewMetadata(map[string][]string{"tenant": {"a", "b"}, identityKey: {"of the client's choice"}}),
	}), e.identities.next())
	assert.Equal(t, []string{"a", "b"}, client.FromContext(accepted).Metadata.Get("tenant"), "the client's metadata stays")

	first, second := e.newDelivery(accepted), next.newDelivery(accepted)
	assert.Equal(t, first.token("1", 2), second.token("1", 2), "the same after a restart")
	assert.Regexp(t, "^[0-9a-f]{32}-1-0000000000000002$", first.token("1", 2))
	for name, other := range map[string]string{
		"part":    first.token("2", 2),
		"rows":    first.token("1", 3),
		"request": e.newDelivery(identified(t.Context(), e.identities.next())).token("1", 2),
		"batch":   life(configFor("tcp://127.0.0.1:9000")).newDelivery(accepted).token("1", 2),
	} {
		assert.NotEqual(t, first.token("1", 2), other, "another %s has another token", name)
	}

	assert.True(t, e.identities.made(first.identity))
	assert.False(t, next.identities.made(first.identity))
	assert.False(t, e.identities.made(e.newDelivery(t.Context()).identity), "an exporter without identities left it")
	attempts, span := deliveryProvider{noop.NewTracerProvider(), e.inserter}.Tracer("").Start(accepted, "")
	defer span.End()
	retry, cancel := context.WithCancel(attempts)
	defer cancel()
	assert.Same(t, e.deliveryOf(attempts), e.deliveryOf(retry), "attempts share it")
	e.deliveryOf(attempts).progress("t").parts = 3
	assert.Equal(t, 3, e.deliveryOf(retry).progress("t").parts)
}

// TestAttemptsShareADelivery counts the deliveries that exporterhelper makes of
// a batch that fails a few times, with each kind of queue: the one of its span.
func TestAttemptsShareADelivery(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	require.NoError(t, start(t, "traces", synchronous(endpoint)).send(t.Context()))
	before := db.number(t, "SELECT count() FROM otel.otel_traces")
	// An INSERT that fails after its rows were stored: the view's table refuses them.
	db.exec(t, "CREATE MATERIALIZED VIEW otel.late ENGINE = MergeTree ORDER BY n AS "+
		"SELECT throwIf(sleep(0.05) = 0 AND SpanName = 'span 3') AS n FROM otel.otel_traces")
	for name, batch := range map[string]bool{"requests": false, "batches": true} {
		t.Run(name, func(t *testing.T) {
			cfg := patient(endpoint)
			if batch {
				cfg.QueueSettings.Get().Batch.GetOrInsertDefault().MinSize = 20
			}
			p, consume := startTraces(t, cfg)
			require.NoError(t, consume(t.Context(), numbered(before, 10)))
			require.NoError(t, consume(t.Context(), numbered(before, 10)))
			require.Eventually(t, func() bool { return p.counter(t, "insert_failures", "table")["otel_traces"] >= 4 },
				patience, patience/1000)
			db.exec(t, "DROP VIEW otel.late SYNC")
			before += 20
			db.eventually(t, before, "SELECT count() FROM otel.otel_traces")
			p.stop()
			assert.Equal(t, before, db.number(t, "SELECT count() FROM otel.otel_traces"))
			db.exec(t, "CREATE MATERIALIZED VIEW otel.late ENGINE = MergeTree ORDER BY n AS "+
				"SELECT throwIf(sleep(0.05) = 0 AND SpanName = 'span 3') AS n FROM otel.otel_traces")
		})
	}
}

// TestPartsOfARequestThatAreTheSame has exporterhelper cut a request of equal rows
// into batches: each is stored.
func TestPartsOfARequestThatAreTheSame(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	cfg := patient(endpoint)
	batch := cfg.QueueSettings.Get().Batch.GetOrInsertDefault()
	batch.Sizer, batch.MinSize, batch.MaxSize = exporterhelper.RequestSizerTypeItems, 2, 2
	e, err := NewFactory().CreateLogs(t.Context(), settings(), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.ConsumeLogs(t.Context(), bodies("a", "a", "a", "a", "a", "a")))
	require.NoError(t, e.Shutdown(context.Background()))
	assert.Equal(t, 6, db.number(t, "SELECT count() FROM otel.otel_logs"))
}

// TestCorrectionsAreCountedOnce has attempts at a delivery whose tables took their
// rows at the first, as when another table did not.
func TestCorrectionsAreCountedOnce(t *testing.T) {
	p := start(t, "metrics", synchronous(enginetest.Start(t)))
	e := &metricsExporter{p.Component.(*metricsIntake).inserter, newKept(rows.NewMetrics)}
	metrics := pmetric.NewMetrics()
	gauge := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge()
	gauge.DataPoints().AppendEmpty().SetTimestamp(math.MaxInt64)
	ctx, span := deliveryProvider{noop.NewTracerProvider(), e.inserter}.Tracer("").Start(t.Context(), "")
	for range 3 {
		require.NoError(t, e.push(ctx, metrics))
	}
	span.End()
	assert.Equal(t, map[string]int64{"time_out_of_range": 1}, p.counter(t, "values_corrected", "reason"))
}

// windowOf is what the statement that the server keeps says of a table's window.
func windowOf(t *testing.T, db database, table string) string {
	t.Helper()
	var window string
	require.NoError(t, db.QueryRow(t.Context(), "SELECT extract(engine_full, 'non_replicated_deduplication_window = (\\\\d+)') "+
		"FROM system.tables WHERE database = 'otel' AND name = '"+table+"'").Scan(&window))
	return window
}

// TestTablesAreGivenAWindow has tables that an older exporter made.
func TestTablesAreGivenAWindow(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	pushAll(t, synchronous(endpoint), t.Context())
	for table := range stored(t, db) {
		assert.Equal(t, "10000", windowOf(t, db, table), table)
		db.exec(t, "ALTER TABLE otel."+table+" RESET SETTING non_replicated_deduplication_window")
		require.Empty(t, windowOf(t, db, table))
	}

	for signal, create := range signals() {
		core, logs := observer.New(zap.WarnLevel)
		set := settings()
		set.Logger = zap.New(core)
		cfg := synchronous(endpoint)
		cfg.CreateSchema = false
		e, err := create(t.Context(), set, cfg)
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		require.NoError(t, e.send(t.Context()))
		require.NoError(t, e.Shutdown(context.Background()))
		wanted := len(tablesOf(signal))
		if signal == "traces" {
			wanted++
		}
		reports := logs.FilterMessageSnippet("create_schema is false").All()
		require.Len(t, reports, wanted, "reported where the schema is the user's")
		assert.Contains(t, reports[0].ContextMap()["mend_it_with"], "MODIFY SETTING")
	}

	accepted := identified(t.Context(), newIdentities().next())
	pushAll(t, synchronous(endpoint), accepted)
	once := stored(t, db)
	pushAll(t, synchronous(endpoint), accepted)
	assert.Equal(t, once, stored(t, db))
	for table := range once {
		assert.Equal(t, "10000", windowOf(t, db, table), table)
	}
}

// TestAWindowThatIsKept is the user's, and so are engines that have none.
func TestAWindowThatIsKept(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	p := start(t, "logs", synchronous(endpoint))
	require.NoError(t, p.send(t.Context()))
	db.exec(t, "ALTER TABLE otel.otel_logs MODIFY SETTING non_replicated_deduplication_window = 7")
	require.NoError(t, start(t, "logs", synchronous(endpoint)).send(t.Context()))
	assert.Equal(t, "7", windowOf(t, db, "otel_logs"))

	db.exec(t, "CREATE TABLE otel.other AS otel.otel_logs ENGINE = Memory")
	cfg := synchronous(endpoint)
	cfg.LogsTableName = "other"
	require.NoError(t, start(t, "logs", cfg).send(t.Context()))
	assert.Equal(t, 4, db.number(t, "SELECT count() FROM otel.other"))
}

// TestDeduplicationThatIsOff is named in the log; and the same rows of another
// request are stored, whatever the settings.
func TestDeduplicationThatIsOff(t *testing.T) {
	endpoint := enginetest.Start(t)
	db := connect(t, endpoint)
	requests := 0
	for setting, change := range map[string]func(*Config){
		"async_insert=1":             func(c *Config) { c.AsyncInsert = true },
		"insert_deduplicate=0":       func(c *Config) { c.ConnectionParams = map[string]string{"insert_deduplicate": "0"} },
		"deduplicate_insert=disable": func(c *Config) { c.ConnectionParams = map[string]string{"deduplicate_insert": "disable"} },
		"":                           func(*Config) {},
	} {
		t.Run(setting, func(t *testing.T) {
			cfg := synchronous(endpoint)
			change(cfg)
			core, logs := observer.New(zap.WarnLevel)
			set := settings()
			set.Logger = zap.New(core)
			e, err := newLogsExporter(set, cfg)
			require.NoError(t, err)
			require.NoError(t, e.start(t.Context(), componenttest.NewNopHost()))
			defer func() { require.NoError(t, e.shutdown(context.Background())) }()
			warned := logs.FilterMessageSnippet("may store rows twice").All()
			if setting == "" {
				assert.Empty(t, warned)
			} else {
				require.Len(t, warned, 1)
				assert.Equal(t, setting, warned[0].ContextMap()["setting"])
			}
			for range 2 {
				require.NoError(t, e.push(identified(t.Context(), newIdentities().next()), bodies("a")))
				requests++
			}
			assert.Equal(t, requests, db.number(t, "SELECT count() FROM otel.otel_logs"))
		})
	}
}

func TestTokenIsNotAParameter(t *testing.T) {
	cfg := configFor("tcp://127.0.0.1:9000?insert_deduplication_token=x")
	require.ErrorContains(t, cfg.Validate(), "insert_deduplication_token is another one for each insert")
}
