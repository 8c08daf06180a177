// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect opens a clickhouse-go pool.
func connect(t *testing.T, endpoint string, changes ...func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	options := &clickhouse.Options{Addr: []string{endpoint}, DialTimeout: 10 * time.Second}
	for _, change := range changes {
		change(options)
	}
	conn, err := clickhouse.Open(options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, conn.Close()) })
	return conn
}

func execute(t *testing.T, conn driver.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		require.NoError(t, conn.Exec(t.Context(), statement), statement)
	}
}

// one reads the only value that a query returns.
func one[T any](t *testing.T, conn driver.Conn, query string, arguments ...any) T {
	t.Helper()
	var value T
	require.NoError(t, conn.QueryRow(t.Context(), query, arguments...).Scan(&value), query)
	return value
}

func code(t *testing.T, err error) int32 {
	t.Helper()
	var exception *clickhouse.Exception
	require.ErrorAs(t, err, &exception)
	return exception.Code
}

func compressions() map[string]func(*clickhouse.Options) {
	with := func(method clickhouse.CompressionMethod) func(*clickhouse.Options) {
		return func(o *clickhouse.Options) { o.Compression = &clickhouse.Compression{Method: method} }
	}
	return map[string]func(*clickhouse.Options){
		"none": with(clickhouse.CompressionNone),
		"lz4":  with(clickhouse.CompressionLZ4),
		"zstd": with(clickhouse.CompressionZSTD),
	}
}

func TestVersionOpensGates(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	require.NoError(t, conn.Ping(t.Context()))
	version, err := conn.ServerVersion()
	require.NoError(t, err)
	assert.Equal(t, uint64(26), version.Version.Major)
	assert.Equal(t, uint64(7), version.Version.Minor)
	assert.Equal(t, uint64(54453), version.Revision)
}

func TestExceptionsHaveTheirCodes(t *testing.T) {
	endpoint := enginetest.Start(t)
	conn := connect(t, endpoint)
	execute(t, conn, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	for statement, want := range map[string]int32{
		"SELEC 1":                             62, // SYNTAX_ERROR
		"SELECT nope":                         47, // UNKNOWN_IDENTIFIER
		"SELECT * FROM nope":                  60, // UNKNOWN_TABLE
		"CREATE TABLE t (a UInt8) ENGINE=Log": 57, // TABLE_ALREADY_EXISTS
		"SELECT throwIf(number = 3) FROM numbers(10)": 395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
		"INSERT INTO t (b) VALUES (1)":                16,  // NO_SUCH_COLUMN_IN_TABLE
		"USE nope":                                    81,  // UNKNOWN_DATABASE
		"SET no_such_setting = 1":                     115, // UNKNOWN_SETTING
		"SELECT * FROM numbers(1000000000) SETTINGS max_rows_to_read = 10": 158, // TOO_MANY_ROWS
	} {
		assert.Equal(t, want, code(t, conn.Exec(t.Context(), statement)), statement)
		require.NoError(t, conn.Ping(t.Context()))
	}
	for statement, want := range map[string]int32{
		"INSERT INTO nope (a)": 60,
		"INSERT INTO t (b)":    16,
	} {
		_, err := conn.PrepareBatch(t.Context(), statement)
		assert.Equal(t, want, code(t, err), statement)
	}
	other := connect(t, endpoint, func(o *clickhouse.Options) { o.Auth.Database = "nope" })
	assert.Equal(t, int32(81), code(t, other.Ping(t.Context())))
}

func TestDatabaseOfHello(t *testing.T) {
	endpoint := enginetest.Start(t)
	conn := connect(t, endpoint)
	execute(t, conn, "CREATE DATABASE otel", "CREATE TABLE otel.t (a UInt8) ENGINE = MergeTree ORDER BY a")
	inside := connect(t, endpoint, func(o *clickhouse.Options) { o.Auth.Database = "otel" })
	assert.Equal(t, "otel", one[string](t, inside, "SELECT currentDatabase()"))
	execute(t, inside, "INSERT INTO t VALUES (7)")
	assert.Equal(t, uint8(7), one[uint8](t, conn, "SELECT a FROM otel.t"))
	assert.Equal(t, "default", one[string](t, conn, "SELECT currentDatabase()"))
}

// TestSettingsLastForTheirQuery uses one connection, so that a setting which
// stayed would show.
func TestSettingsLastForTheirQuery(t *testing.T) {
	conn := connect(t, enginetest.Start(t), func(o *clickhouse.Options) { o.MaxOpenConns = 1 })
	query := "SELECT toUInt64(getSetting('max_block_size'))"
	with := func(settings clickhouse.Settings) uint64 {
		var value uint64
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(settings))
		require.NoError(t, conn.QueryRow(ctx, query).Scan(&value))
		return value
	}
	usual := with(nil)
	assert.Equal(t, uint64(777), with(clickhouse.Settings{"max_block_size": 777}))
	assert.Equal(t, uint64(778), with(clickhouse.Settings{"max_block_size": 778}))
	assert.Equal(t, usual, with(nil))

	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"no_such_setting": 1}))
	assert.Equal(t, int32(115), code(t, conn.Exec(ctx, "SELECT 1")))
	assert.Equal(t, usual, with(nil))
}

// TestQuotedSettings sends a setting as a client dumps a text, quotes of its own
// at both ends.
func TestQuotedSettings(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	const text = `'quoted' \ "text"'`
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
		"format_csv_null_representation": clickhouse.CustomSetting{Value: text},
	}))
	var got string
	require.NoError(t, conn.QueryRow(ctx, "SELECT toString(getSetting('format_csv_null_representation'))").Scan(&got))
	assert.Equal(t, text, got)
}

// TestParameters binds them: at this revision of the protocol the client does.
func TestParameters(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	assert.Equal(t, "it's\n", one[string](t, conn, "SELECT ?", "it's\n"))
	assert.Equal(t, int64(42), one[int64](t, conn, "SELECT toInt64(@n)", clickhouse.Named("n", 42)))
}

func TestTokensDeduplicate(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	execute(t, conn, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100")
	for range 3 {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": "once", "insert_deduplicate": 1}))
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO t")
		require.NoError(t, err)
		require.NoError(t, batch.Append(uint64(1)))
		require.NoError(t, batch.Send())
	}
	assert.Equal(t, uint64(1), one[uint64](t, conn, "SELECT count() FROM t"))
}

// TestResultsWithoutRows still have their columns.
func TestResultsWithoutRows(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	rows, err := conn.Query(t.Context(), "SELECT 1 AS a, map('k', toLowCardinality('v')) AS m WHERE 0 -- nothing")
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "m"}, rows.Columns())
	assert.Equal(t, "Map(String, LowCardinality(String))", rows.ColumnTypes()[1].DatabaseTypeName())
	assert.False(t, rows.Next())
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
}

// TestLargeResultIsStreamed reads more than the engine may hold in memory.
func TestLargeResultIsStreamed(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	const count = 4_000_000
	rows, err := conn.Query(t.Context(), "SELECT number, repeat('x', 100) FROM numbers(?)", count)
	require.NoError(t, err)
	var next, got uint64
	var text string
	for ; rows.Next(); next++ {
		require.NoError(t, rows.Scan(&got, &text))
		if got != next {
			t.Fatalf("row %d holds %d", next, got)
		}
	}
	require.NoError(t, rows.Err())
	assert.Equal(t, uint64(count), next)
}

// TestCancelStopsTheQuery leaves a query that would run for hours and asks the
// engine whether it still runs.
func TestCancelStopsTheQuery(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := conn.Query(ctx, "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))")
	require.Error(t, err)
	require.Eventually(t, func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'") == 0
	}, 10*time.Second, 50*time.Millisecond)
}

// TestManyCancelsAtOnce leaves many queries, running ones and streaming ones,
// and expects the engine to be rid of them soon and to stop cleanly.
func TestManyCancelsAtOnce(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	conn := connect(t, engine.Endpoint, func(o *clickhouse.Options) { o.MaxOpenConns = 40 })
	var group sync.WaitGroup
	for i := range 30 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(100+i)*time.Millisecond)
			defer cancel()
			query := "SELECT number FROM numbers(100000000000)"
			if i%2 == 0 {
				query = "SELECT max(sipHash64(number)) FROM numbers(1000000000000)"
			}
			rows, err := conn.Query(ctx, query)
			if err != nil {
				return
			}
			for rows.Next() {
			}
			_ = rows.Close() // it was cancelled
		})
	}
	group.Wait()
	require.Eventually(t, func() bool {
		return one[uint64](t, conn, "SELECT count() FROM system.processes WHERE query LIKE '%FROM numbers(%' AND query NOT LIKE '%processes%'") == 0
	}, 20*time.Second, 50*time.Millisecond)
	engine.Stop(t)
}

func TestMaterializedViewIsFed(t *testing.T) {
	conn := connect(t, enginetest.Start(t))
	execute(t, conn,
		"CREATE TABLE spans (TraceId String, Start DateTime64(9)) ENGINE = MergeTree ORDER BY TraceId",
		"CREATE TABLE traces (TraceId String, Spans SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY TraceId",
		"CREATE MATERIALIZED VIEW traces_mv TO traces AS SELECT TraceId, count() AS Spans FROM spans GROUP BY TraceId")
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO spans (TraceId, Start)")
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, batch.Append("t1", time.Now()))
	}
	require.NoError(t, batch.Send())
	assert.Equal(t, uint64(3), one[uint64](t, conn, "SELECT sum(Spans) FROM traces WHERE TraceId = 't1'"))
}
