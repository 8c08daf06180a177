// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

func open(t *testing.T, endpoint string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func TestStartServesQueries(t *testing.T) {
	conn := open(t, enginetest.Start(t))
	var sum uint64
	require.NoError(t, conn.QueryRow(context.Background(), "SELECT sum(number) FROM numbers(1001)").Scan(&sum))
	require.Equal(t, uint64(500500), sum)
}

func TestDataOutlivesKillAndStop(t *testing.T) {
	ctx := context.Background()
	engine := enginetest.StartAt(t, t.TempDir())
	conn := open(t, engine.Endpoint)
	require.NoError(t, conn.Exec(ctx, "CREATE TABLE kept (a UInt64) ENGINE = MergeTree ORDER BY a"))
	for round, end := range []func(testing.TB){engine.Kill, engine.Stop, engine.Kill} {
		require.NoError(t, conn.Exec(ctx, "INSERT INTO kept VALUES (1)"))
		end(t)
		engine.Restart(t)
		var rows uint64
		require.NoError(t, conn.QueryRow(ctx, "SELECT count() FROM kept").Scan(&rows))
		require.Equal(t, uint64(round+1), rows)
	}
}

// TestBinaryLiesInTheCache keeps it out of os.TempDir, where every user of the
// machine may write.
func TestBinaryLiesInTheCache(t *testing.T) {
	cache, err := chdblibrary.CacheRoot()
	require.NoError(t, err)
	binary := enginetest.Binary(t)
	require.True(t, strings.HasPrefix(binary, filepath.Join(cache, "enginetest")+string(filepath.Separator)), binary)
	info, err := os.Stat(filepath.Dir(binary))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077, "others may reach %s", filepath.Dir(binary))
}
