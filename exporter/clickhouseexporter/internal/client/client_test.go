// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// optionsFor is options with every bound set.
func optionsFor(addresses ...string) Options {
	return Options{
		Addresses:      addresses,
		DialTimeout:    time.Minute,
		Database:       "default",
		Compression:    ch.CompressionLZ4,
		MaxConnections: 4,
		MaxLifetime:    time.Hour,
	}
}

// TestClient runs against one engine, each test with a client of its own.
func TestClient(t *testing.T) {
	endpoint := enginetest.Start(t)
	for name, test := range map[string]func(*testing.T, string){
		"insert and look up":           testInsertAndLookUp,
		"blocks of many frames":        testBlocksOfManyFrames,
		"execute drops rows":           testExecuteDropsRows,
		"execute names the statement":  testExecuteNamesTheStatement,
		"failure ends the connection":  testFailureEndsTheConnection,
		"connections are bounded":      testConnectionsAreBounded,
		"old connections are replaced": testOldConnectionsAreReplaced,
		"idle connections grow old":    testIdleConnectionsGrowOld,
		"an expired context":           testExpiredContext,
		"closed":                       testClosed,
	} {
		t.Run(name, func(t *testing.T) { test(t, endpoint) })
	}
}

func testInsertAndLookUp(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	defer c.Close()
	ctx := t.Context()
	require.NoError(t, c.Execute(ctx,
		"CREATE TABLE `it's` (`a.b` String, extra UInt8 DEFAULT 7) ENGINE = MergeTree ORDER BY tuple()",
		"CREATE TABLE other (c UInt8) ENGINE = MergeTree ORDER BY tuple()"))

	major, minor, err := c.Version(ctx)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, major, 26)
	assert.GreaterOrEqual(t, minor, 0)

	columns, err := c.Columns(ctx, "default", "it's")
	require.NoError(t, err)
	assert.Equal(t, []Column{{"a.b", proto.ColumnTypeString}, {"extra", proto.ColumnTypeUInt8}}, columns)
	columns, err = c.Columns(ctx, "default", "absent")
	require.NoError(t, err)
	assert.Empty(t, columns)

	values := new(proto.ColStr)
	values.Append("x")
	values.Append("y")
	require.NoError(t, c.Insert(ctx, "`it's`", proto.Input{{Name: "a.b", Data: values}}))
	require.NoError(t, c.Execute(ctx, "SELECT throwIf(count() != 2 OR any(extra) != 7) FROM `it's`"))
}

// testBlocksOfManyFrames inserts blocks of some hundred KiB with every compression,
// and has the engine look at each row.
func testBlocksOfManyFrames(t *testing.T, endpoint string) {
	for _, compression := range []ch.Compression{
		ch.CompressionDisabled, ch.CompressionLZ4, ch.CompressionLZ4HC, ch.CompressionZSTD,
	} {
		options := optionsFor(endpoint)
		options.Compression = compression
		c := New(options)
		defer c.Close()
		require.NoError(t, c.Execute(t.Context(), "CREATE OR REPLACE TABLE frames (n UInt32, s String) ENGINE = MergeTree ORDER BY n"))
		numbers, texts := new(proto.ColUInt32), new(proto.ColStr)
		const rows = 20_000
		for n := range uint32(rows) {
			numbers.Append(n)
			texts.Append(fmt.Sprint("row ", n*n))
		}
		input := proto.Input{{Name: "n", Data: numbers}, {Name: "s", Data: texts}}
		for range 2 {
			require.NoError(t, c.Insert(t.Context(), "frames", input))
		}
		require.NoError(t, c.Execute(t.Context(), fmt.Sprintf("SELECT throwIf(count() != %d OR uniqExact(n) != %d "+
			"OR countIf(s != concat('row ', toString(toUInt32(n * n)))) != 0) FROM frames", 2*rows, rows)))
		require.ErrorContains(t, c.Insert(t.Context(), "frames", proto.Input{{Name: "absent", Data: numbers}}), "absent")
	}
}

// testExecuteDropsRows runs what ON CLUSTER answers with: libchdb has no clusters.
func testExecuteDropsRows(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	defer c.Close()
	require.NoError(t, c.Execute(t.Context(),
		"SELECT 'host' AS host, 9000::UInt16 AS port, 0::Int64 AS status, '' AS error, "+
			"1::UInt64 AS num_hosts_remaining, 0::UInt64 AS num_hosts_active FROM numbers(3)",
		"SELECT 'host' AS host, NULL::Nullable(Int64) AS status FROM numbers(3)"))
}

func testExecuteNamesTheStatement(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	defer c.Close()
	err := c.Execute(t.Context(), "CREATE TABLE absent.t (\n  a UInt8\n) ENGINE = MergeTree ORDER BY a")
	require.ErrorContains(t, err, "CREATE TABLE absent.t: ")
	assert.True(t, Missing(err), err)
	assert.Equal(t, "UNKNOWN_DATABASE", Reason(err))
	assert.False(t, Permanent(err))
}

// testFailureEndsTheConnection refuses a block in its midst and uses the
// client again.
func testFailureEndsTheConnection(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	defer c.Close()
	ctx := t.Context()
	require.NoError(t, c.Execute(ctx, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a"))
	require.Len(t, c.pool.idle, 1)
	words := new(proto.ColStr)
	words.Append("not a number")
	err := c.Insert(ctx, "t", proto.Input{{Name: "a", Data: words}})
	require.Error(t, err)
	assert.True(t, Permanent(err), err)
	assert.Empty(t, c.pool.idle)
	require.NoError(t, c.Execute(ctx, "SELECT 1"))
	assert.Len(t, c.pool.idle, 1)
}

func testConnectionsAreBounded(t *testing.T, endpoint string) {
	options := optionsFor(endpoint)
	options.MaxConnections = 1
	c := New(options)
	defer c.Close()
	err := c.pool.with(t.Context(), func(*session) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		return c.Execute(ctx, "SELECT 1")
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "wait for a free connection")
	assert.Equal(t, "timeout", Reason(err))
}

func testOldConnectionsAreReplaced(t *testing.T, endpoint string) {
	options := optionsFor(endpoint)
	options.MaxLifetime = time.Nanosecond
	c := New(options)
	defer c.Close()
	require.NoError(t, c.Execute(t.Context(), "SELECT 1"))
	assert.Empty(t, c.pool.idle)
}

// testIdleConnectionsGrowOld ages connections that lie in the pool, below one
// that is in use again and again.
func testIdleConnectionsGrowOld(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	defer c.Close()
	nothing := func(*session) error { return nil }
	require.NoError(t, c.pool.with(t.Context(), func(*session) error {
		return c.pool.with(t.Context(), func(*session) error {
			return c.pool.with(t.Context(), nothing)
		})
	}))
	idle := slices.Clone(c.pool.idle)
	require.Len(t, idle, 3)
	age := func(n int) { c.pool.idle[n].opened = time.Now().Add(-c.pool.maxLifetime) }

	age(0)
	require.NoError(t, c.pool.with(t.Context(), func(*session) error {
		assert.True(t, idle[0].IsClosed(), "taking another closes it")
		age(0)
		return nil
	}))
	assert.True(t, idle[1].IsClosed(), "releasing another closes it")
	assert.Equal(t, idle[2:], c.pool.idle)

	age(0)
	require.NoError(t, c.pool.with(t.Context(), func(conn *session) error {
		assert.NotSame(t, idle[2].Client, conn, "an old connection is not taken")
		return nil
	}))
	assert.True(t, idle[2].IsClosed())
	assert.Len(t, c.pool.idle, 1)
}

// testExpiredContext asks for an exchange when its time is over already.
func testExpiredContext(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	defer c.Close()
	require.NoError(t, c.Execute(t.Context(), "SELECT 1"))
	idle := slices.Clone(c.pool.idle)
	require.Len(t, idle, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // a free slot and the end of the context are chosen from at random
		require.ErrorIs(t, c.Execute(ctx, "SELECT 1"), context.Canceled)
	}
	assert.Equal(t, idle, c.pool.idle, "it says nothing of the idle connections")
}

func testClosed(t *testing.T, endpoint string) {
	c := New(optionsFor(endpoint))
	require.NoError(t, c.pool.with(t.Context(), func(*session) error {
		c.Close()
		return nil
	}))
	assert.Empty(t, c.pool.idle, "a connection that is released later is closed too")
	require.ErrorIs(t, c.Execute(t.Context(), "SELECT 1"), ErrClosed)
	c.Close()
}

func TestInsertStatement(t *testing.T) {
	assert.Equal(t, "INSERT INTO `d`.`t` (`a`, `Events.Name`) VALUES",
		insertStatement("`d`.`t`", proto.Input{{Name: "a"}, {Name: "Events.Name"}}))
}

func TestLiteral(t *testing.T) {
	assert.Equal(t, `'it\'s a \\ backslash'`, literal(`it's a \ backslash`))
}

// TestStoppedServerIsRetried stops a real engine between the header of an
// INSERT and its rows: they are not refused for good.
func TestStoppedServerIsRetried(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	c := New(optionsFor(engine.Endpoint))
	defer c.Close()
	require.NoError(t, c.Execute(t.Context(), "CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a"))
	rows := new(proto.ColStr)
	err := c.pool.with(t.Context(), func(conn *session) error {
		return conn.Do(t.Context(), ch.Query{
			Body: "INSERT INTO t (a) VALUES", Input: proto.Input{{Name: "a", Data: rows}},
			OnInput: func(context.Context) error {
				engine.Stop(t)
				rows.Append("x")
				return io.EOF
			},
		})
	})
	require.Error(t, err)
	assert.False(t, Permanent(err), err)
	assert.Equal(t, "ABORTED", Reason(err))
}
