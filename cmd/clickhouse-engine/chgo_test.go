// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/chpool"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

func chPool(t *testing.T, endpoint string, compression ch.Compression) *chpool.Pool {
	t.Helper()
	pool, err := chpool.Dial(t.Context(), chpool.Options{
		ClientOptions: ch.Options{Address: endpoint, Compression: compression},
		MaxConns:      8,
	})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// spans is a block of the columns that a span has.
type spans struct {
	at         proto.ColDateTime64
	name       *proto.ColLowCardinality[string]
	attributes *proto.ColMap[string, string]
	duration   proto.ColUInt64
}

func newSpans() *spans {
	s := &spans{
		name:       new(proto.ColStr).LowCardinality(),
		attributes: proto.NewMap[string, string](new(proto.ColStr).LowCardinality(), new(proto.ColStr)),
	}
	s.at.WithPrecision(proto.PrecisionNano)
	return s
}

func (s *spans) add(i int) {
	s.at.Append(time.Unix(1_790_000_000, int64(i)))
	s.name.Append(fmt.Sprintf("span %d", i%50))
	s.attributes.Append(map[string]string{"i": fmt.Sprint(i)})
	s.duration.Append(uint64(i))
}

func (s *spans) input() proto.Input {
	return proto.Input{
		{Name: "at", Data: &s.at}, {Name: "name", Data: s.name},
		{Name: "attributes", Data: s.attributes}, {Name: "duration", Data: &s.duration},
	}
}

const createSpans = "CREATE TABLE spans (at DateTime64(9), name LowCardinality(String), attributes Map(LowCardinality(String), String), duration UInt64) ENGINE = MergeTree ORDER BY duration"

func TestChGo(t *testing.T) {
	for name, compression := range map[string]ch.Compression{"none": ch.CompressionDisabled, "lz4": ch.CompressionLZ4, "lz4hc": ch.CompressionLZ4HC, "zstd": ch.CompressionZSTD} {
		t.Run(name, func(t *testing.T) {
			pool := chPool(t, enginetest.Start(t), compression)
			require.NoError(t, pool.Ping(t.Context()))
			require.NoError(t, pool.Do(t.Context(), ch.Query{Body: createSpans}))
			insertBlocks(t, pool, 3, 10_000)

			var sum, count proto.ColUInt64
			require.NoError(t, pool.Do(t.Context(), ch.Query{
				Body:   "SELECT sum(duration) AS sum, count() AS count FROM spans WHERE attributes['i'] = toString(duration)",
				Result: proto.Results{{Name: "sum", Data: &sum}, {Name: "count", Data: &count}},
			}))
			assert.Equal(t, uint64(30_000), count[0])
			assert.Equal(t, uint64(30_000*29_999/2), sum[0])

			exception, ok := ch.AsException(pool.Do(t.Context(), ch.Query{Body: "SELECT nope"}))
			require.True(t, ok)
			assert.Equal(t, proto.ErrUnknownIdentifier, exception.Code)
			require.NoError(t, pool.Ping(t.Context()))
		})
	}
}

// insertBlocks streams several blocks in one INSERT.
func insertBlocks(t *testing.T, pool *chpool.Pool, blocks, rows int) {
	t.Helper()
	data, next := newSpans(), 0
	fill := func() error {
		input := data.input()
		input.Reset()
		if next == blocks*rows {
			return io.EOF
		}
		for range rows {
			data.add(next)
			next++
		}
		return nil
	}
	require.NoError(t, fill())
	require.NoError(t, pool.Do(t.Context(), ch.Query{Body: data.input().Into("spans"), Input: data.input(), OnInput: func(context.Context) error { return fill() }}))
}

// TestConcurrentClients has many clients that write and read at once.
func TestConcurrentClients(t *testing.T) {
	const clients, inserts, rows = 16, 10, 500
	endpoint := enginetest.Start(t)
	require.NoError(t, chPool(t, endpoint, ch.CompressionLZ4).Do(t.Context(), ch.Query{Body: createSpans}))
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			client, err := ch.Dial(t.Context(), ch.Options{Address: endpoint, Compression: ch.CompressionLZ4})
			if !assert.NoError(t, err) {
				return
			}
			defer client.Close()
			for range inserts {
				data := newSpans()
				for i := range rows {
					data.add(i)
				}
				assert.NoError(t, client.Do(t.Context(), ch.Query{Body: data.input().Into("spans"), Input: data.input()}))
				var count proto.ColUInt64
				assert.NoError(t, client.Do(t.Context(), ch.Query{Body: "SELECT count() AS c FROM spans", Result: proto.Results{{Name: "c", Data: &count}}}))
			}
		})
	}
	group.Wait()
	assert.Equal(t, uint64(clients*inserts*rows), one[uint64](t, connect(t, endpoint), "SELECT count() FROM spans"))
}

// TestRefusedBlocks sends blocks that the engine refuses
// midway: the client hears why.
func TestRefusedBlocks(t *testing.T) {
	endpoint := enginetest.Start(t)
	conn := connect(t, endpoint)
	execute(t, conn, "CREATE TABLE checked (duration UInt64, CONSTRAINT small CHECK duration < 100) ENGINE = MergeTree ORDER BY duration")
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO checked")
	require.NoError(t, err)
	require.NoError(t, batch.Append(uint64(100)))
	assert.Equal(t, int32(469), code(t, batch.Send())) // VIOLATED_CONSTRAINT
	assert.Equal(t, uint64(0), one[uint64](t, conn, "SELECT count() FROM checked"))
}
