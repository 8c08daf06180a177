// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// TestStopInsideAnInsert stops the engine between an INSERT's header and its
// data: the client hears that it may send the same rows again, not that they
// are wrong.
func TestStopInsideAnInsert(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	client, err := ch.Dial(t.Context(), ch.Options{Address: engine.Endpoint})
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.Do(t.Context(), ch.Query{Body: createSpans}))
	data := newSpans()
	err = client.Do(t.Context(), ch.Query{
		Body: data.input().Into("spans"), Input: data.input(),
		OnInput: func(context.Context) error { // after the header
			engine.Stop(t)
			data.add(1)
			return io.EOF
		},
	})
	exception, ok := ch.AsException(err)
	require.True(t, ok, err)
	assert.Equal(t, proto.ErrAborted, exception.Code)

	engine.Restart(t)
	assert.Equal(t, uint64(0), one[uint64](t, connect(t, engine.Endpoint), "SELECT count() FROM spans"))
}

// TestStopInsideAQuery stops the engine while it answers: half an answer is
// not passed off as the whole.
func TestStopInsideAQuery(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	for name, query := range map[string]string{
		"without a row": "SELECT max(sipHash64(number)) AS n FROM numbers(1000000000000)",
		"with rows":     "SELECT number AS n FROM numbers(1000000000000)",
	} {
		t.Run(name, func(t *testing.T) {
			client, err := ch.Dial(t.Context(), ch.Options{Address: engine.Endpoint, Compression: ch.CompressionLZ4})
			require.NoError(t, err)
			defer client.Close()
			running := connect(t, engine.Endpoint)
			ended := make(chan error, 1)
			go func() {
				var numbers proto.ColUInt64
				ended <- client.Do(t.Context(), ch.Query{
					Body: query, Result: proto.Results{{Name: "n", Data: &numbers}},
					OnResult: func(context.Context, proto.Block) error { return nil },
				})
			}()
			require.Eventually(t, func() bool {
				var queries uint64
				err := running.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%numbers(1000000000000)%' AND query NOT LIKE '%processes%'").Scan(&queries)
				return err == nil && queries == 1
			}, 30*time.Second, 20*time.Millisecond)
			engine.Stop(t)
			exception, ok := ch.AsException(<-ended)
			require.True(t, ok, "the query ended as if its answer were whole, or without a word")
			assert.Equal(t, proto.ErrAborted, exception.Code)
			engine.Restart(t)
		})
	}
}

// TestBrokenInsert ends the data of an INSERT in ways of which only one is the
// rows' fault.
func TestBrokenInsert(t *testing.T) {
	endpoint := enginetest.Start(t)
	execute(t, connect(t, endpoint), "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	half := dataPacketStart + "\x01\x02\x01s\x06String\x01x"
	for name, test := range map[string]struct {
		data string
		want proto.Error
	}{
		"half a block":       {half, proto.ErrNetworkError},
		"no block":           {"", proto.ErrNetworkError},
		"a type of nonsense": {dataPacketStart + "\x01\x01\x01a\x03???", proto.ErrIncorrectData},
	} {
		t.Run(name, func(t *testing.T) {
			p := greeted(t, endpoint)
			p.query(t, "INSERT INTO t VALUES")
			p.header(t)
			require.NoError(t, func() error { _, err := p.Write([]byte(test.data)); return err }())
			require.NoError(t, p.Conn.(*net.TCPConn).CloseWrite())
			assert.Equal(t, test.want, p.exception(t).Code)
		})
	}
}

// TestRefusalComesBeforeTheEnd sends a block whose type ClickHouse refuses, and
// breaks off in it, far behind the place where it did: ClickHouse's own word
// counts.
func TestRefusalComesBeforeTheEnd(t *testing.T) {
	endpoint := enginetest.Start(t)
	execute(t, connect(t, endpoint), "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
	p := greeted(t, endpoint)
	p.query(t, "INSERT INTO t VALUES")
	p.header(t)
	const rows = 1 << 22
	var block proto.Buffer
	block.PutRaw([]byte(dataPacketStart))
	block.PutUVarInt(1)
	block.PutUVarInt(rows)
	block.PutString("a")
	block.PutString("DateTime64(99)")
	block.PutRaw(make([]byte, 8*rows-1))
	p.say(t, block.Buf...).ended(t)
	assert.Equal(t, proto.ErrArgumentOutOfBound, p.exception(t).Code)
}

// header reads the block that an INSERT is answered with.
func (p *peer) header(t *testing.T) {
	t.Helper()
	p.expect(t, proto.ServerCodeData)
	_, err := p.reader.Str() // the table
	require.NoError(t, err)
	var block proto.Block
	require.NoError(t, block.DecodeBlock(p.reader, 54453, &proto.ColInfoInput{}))
}

func (p *peer) exception(t *testing.T) proto.Exception {
	t.Helper()
	p.expect(t, proto.ServerCodeException)
	var exception proto.Exception
	require.NoError(t, exception.DecodeAware(p.reader, 54453))
	return exception
}
