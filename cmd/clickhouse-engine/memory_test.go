// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestMemoryStaysModest writes and reads about 400 MB, then asks for more
// memory than the engine has.
func TestMemoryStaysModest(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	conn := connect(t, engine.Endpoint)
	idle := engine.RSS(t)
	execute(t, conn, "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	const inserts, rows = 20, 100_000
	for i := range inserts {
		batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
		require.NoError(t, err)
		text := string(make([]byte, 200))
		for row := range rows {
			require.NoError(t, batch.Append(uint64(i*rows+row), text))
		}
		require.NoError(t, batch.Send())
	}
	assert.Equal(t, uint64(inserts*rows), one[uint64](t, conn, "SELECT uniqExact(a) FROM t WHERE NOT ignore(s)"))
	busy := engine.RSS(t)
	t.Logf("RSS idle %d MiB, after the work %d MiB", idle>>20, busy>>20)
	assert.Less(t, idle, int64(400<<20))
	assert.Less(t, busy, int64(900<<20))

	err := conn.Exec(t.Context(), "SELECT length(groupArray(repeat('x', 20000) || toString(number))) FROM numbers(100000000)")
	assert.Equal(t, int32(241), code(t, err)) // MEMORY_LIMIT_EXCEEDED
	assert.Equal(t, uint64(inserts*rows), one[uint64](t, conn, "SELECT count() FROM t"))
	t.Logf("RSS after the refused query %d MiB", engine.RSS(t)>>20)
	assert.Less(t, engine.RSS(t), int64(1500<<20))
}
