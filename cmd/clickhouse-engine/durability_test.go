// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestKillsLoseNothingAcknowledged kills the engine several times while many
// clients write to it. What was acknowledged must be there once; what was on
// its way may be there, but only whole: each INSERT's rows, or none of them.
func TestKillsLoseNothingAcknowledged(t *testing.T) {
	const writers, kills, rowsPerInsert = 6, 4, 100
	engine := enginetest.StartAt(t, t.TempDir())
	conn := connect(t, engine.Endpoint)
	execute(t, conn, "CREATE TABLE kept (writer UInt64, batch UInt64, row UInt64) ENGINE = MergeTree ORDER BY (writer, batch)")

	ctx, stop := context.WithCancel(t.Context())
	acknowledged := make([][]uint64, writers) // the batches of each writer
	var sum atomic.Int64
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for batch := uint64(0); ctx.Err() == nil; batch++ {
				if err := writeBatch(ctx, engine.Endpoint, uint64(writer), batch, rowsPerInsert); err != nil {
					time.Sleep(20 * time.Millisecond)
					continue
				}
				acknowledged[writer] = append(acknowledged[writer], batch)
				sum.Add(1)
			}
		})
	}
	for range kills {
		before := sum.Load()
		require.Eventually(t, func() bool { return sum.Load() > before+10*writers }, 30*time.Second, 5*time.Millisecond)
		engine.Kill(t)
		engine.Restart(t)
	}
	stop()
	group.Wait()

	stored := map[[2]uint64]uint64{}
	rows, err := conn.Query(t.Context(), "SELECT writer, batch, count(), uniqExact(row) FROM kept GROUP BY writer, batch")
	require.NoError(t, err)
	for rows.Next() {
		var writer, batch, count, distinct uint64
		require.NoError(t, rows.Scan(&writer, &batch, &count, &distinct))
		assert.Equal(t, uint64(rowsPerInsert), count, "writer %d, batch %d", writer, batch)
		assert.Equal(t, uint64(rowsPerInsert), distinct, "writer %d, batch %d", writer, batch)
		stored[[2]uint64{writer, batch}] = count
	}
	require.NoError(t, rows.Err())
	for writer, batches := range acknowledged {
		for _, batch := range batches {
			assert.Contains(t, stored, [2]uint64{uint64(writer), batch}, "an acknowledged batch is lost")
		}
	}
	t.Logf("%d INSERTs acknowledged over %d kills, %d stored", sum.Load(), kills, len(stored))
}

// writeBatch makes one INSERT over a connection of its own.
func writeBatch(ctx context.Context, endpoint string, writer, batch uint64, rows int) error {
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}, DialTimeout: 5 * time.Second, MaxOpenConns: 1})
	if err != nil {
		return err
	}
	defer conn.Close()
	prepared, err := conn.PrepareBatch(ctx, "INSERT INTO kept")
	if err != nil {
		return err
	}
	for row := range rows {
		if err := prepared.Append(writer, batch, uint64(row)); err != nil {
			return err
		}
	}
	return prepared.Send()
}
