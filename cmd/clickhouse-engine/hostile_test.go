// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main_test

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// peer is a client that says what it likes.
type peer struct {
	net.Conn
	reader *proto.Reader
}

func dial(t *testing.T, endpoint string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", endpoint)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &peer{Conn: conn, reader: proto.NewReader(conn)}
}

func (p *peer) say(t *testing.T, bytes ...byte) *peer {
	t.Helper()
	if _, err := p.Write(bytes); err != nil {
		t.Logf("the engine hung up: %v", err)
	}
	return p
}

// greeted is a peer behind the handshake.
func greeted(t *testing.T, endpoint string) *peer {
	t.Helper()
	p := dial(t, endpoint)
	var buffer proto.Buffer
	proto.ClientHello{Name: "hostile", ProtocolVersion: 54453, User: "default"}.Encode(&buffer)
	p.say(t, buffer.Buf...)
	p.expect(t, proto.ServerCodeHello)
	var hello proto.ServerHello
	require.NoError(t, hello.DecodeAware(p.reader, 54453))
	return p
}

func (p *peer) expect(t *testing.T, code proto.ServerCode) {
	t.Helper()
	got, err := p.reader.UVarInt()
	require.NoError(t, err)
	require.Equal(t, code, proto.ServerCode(got))
}

// query sends a query and the empty block behind it.
func (p *peer) query(t *testing.T, body string) {
	t.Helper()
	var buffer proto.Buffer
	proto.Query{Body: body, Info: proto.ClientInfo{Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial}}.EncodeAware(&buffer, 54453)
	p.say(t, append(buffer.Buf, emptyBlock...)...)
}

const (
	dataPacketStart = "\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00"
	emptyBlock      = dataPacketStart + "\x00\x00"
)

// ended is the peer when it has nothing more to say: noise may claim that more
// follows, and the engine would wait for it.
func (p *peer) ended(t *testing.T) *peer {
	t.Helper()
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Logf("the engine hung up first: %v", err)
	}
	return p
}

// hangsUp reads until the engine closes the connection.
func (p *peer) hangsUp(t *testing.T) {
	t.Helper()
	_, err := io.Copy(io.Discard, p.Conn)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the engine still listens")
}

// TestGarbageCostsItsConnection sends nonsense at each stage; the engine hangs
// up on that client, and another one is served all the while.
func TestGarbageCostsItsConnection(t *testing.T) {
	endpoint := enginetest.Start(t)
	conn := connect(t, endpoint)
	execute(t, conn, "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	noise := make([]byte, 4096)
	_, err := rand.Read(noise)
	require.NoError(t, err)
	huge := binary.AppendUvarint(nil, 1<<62)

	for name, attack := range map[string]func(t *testing.T) *peer{
		"HTTP":            func(t *testing.T) *peer { return dial(t, endpoint).say(t, []byte("GET / HTTP/1.1\r\n\r\n")...) },
		"noise":           func(t *testing.T) *peer { return dial(t, endpoint).say(t, append([]byte{0}, noise...)...).ended(t) },
		"huge name":       func(t *testing.T) *peer { return dial(t, endpoint).say(t, append([]byte{0}, huge...)...) },
		"unknown packet":  func(t *testing.T) *peer { return greeted(t, endpoint).say(t, 77) },
		"second hello":    func(t *testing.T) *peer { return greeted(t, endpoint).say(t, 0) },
		"huge query id":   func(t *testing.T) *peer { return greeted(t, endpoint).say(t, append([]byte{1}, huge...)...) },
		"noise for query": func(t *testing.T) *peer { return greeted(t, endpoint).say(t, append([]byte{1}, noise...)...).ended(t) },
		"insert of noise": func(t *testing.T) *peer { return inserting(t, endpoint, string(noise)).ended(t) },
		"huge block":      func(t *testing.T) *peer { return inserting(t, endpoint, dataPacketStart+"\x02"+string(huge)) },
		"unknown type":    func(t *testing.T) *peer { return inserting(t, endpoint, dataPacketStart+"\x01\x01\x01a\x03???") },
		"half a block": func(t *testing.T) *peer {
			return inserting(t, endpoint, dataPacketStart+"\x01\x02\x01s\x06String\x01x").ended(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			attack(t).hangsUp(t)
			assert.Equal(t, uint64(0), one[uint64](t, conn, "SELECT count() FROM t"))
		})
	}
	t.Run("silence", func(t *testing.T) {
		for range 20 {
			greeted(t, endpoint)
		}
		require.NoError(t, conn.Ping(t.Context()))
	})
}

// inserting is a peer that has begun an INSERT and sent this for data.
func inserting(t *testing.T, endpoint, data string) *peer {
	t.Helper()
	p := greeted(t, endpoint)
	p.query(t, "INSERT INTO t VALUES")
	p.expect(t, proto.ServerCodeData)
	return p.say(t, []byte(data)...)
}

// TestHugeClaimsTakeNoMemory has many clients claim blocks of the most rows
// that are allowed, and send none.
func TestHugeClaimsTakeNoMemory(t *testing.T) {
	engine := enginetest.StartAt(t, t.TempDir())
	conn := connect(t, engine.Endpoint)
	execute(t, conn, "CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	before := engine.RSS(t)
	claim := dataPacketStart + "\x01" + string(binary.AppendUvarint(nil, 1<<26)) + "\x01a\x06UInt64"
	for range 20 {
		inserting(t, engine.Endpoint, claim)
	}
	time.Sleep(200 * time.Millisecond)
	require.NoError(t, conn.Ping(t.Context()))
	assert.Less(t, engine.RSS(t)-before, int64(256<<20))
}

// TestPipelinedPacketsAreAnsweredInOrder sends a query and a ping at once.
func TestPipelinedPacketsAreAnsweredInOrder(t *testing.T) {
	p := greeted(t, enginetest.Start(t))
	p.query(t, "CREATE TABLE x (a UInt8) ENGINE = Memory")
	p.say(t, byte(proto.ClientCodePing))
	p.expect(t, proto.ServerCodeProgress)
	var progress proto.Progress
	require.NoError(t, progress.DecodeAware(p.reader, 54453))
	p.expect(t, proto.ServerCodeEndOfStream)
	p.expect(t, proto.ServerCodePong)
}
