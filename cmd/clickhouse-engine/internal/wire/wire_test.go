// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"io"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/native"
)

// behindCode is a reader of a packet whose code was read.
func behindCode(t testing.TB, packet []byte) *Reader {
	t.Helper()
	r := NewReader(bytes.NewReader(packet))
	_, err := r.Code()
	require.NoError(t, err)
	return r
}

func helloPacket() []byte {
	var buffer proto.Buffer
	proto.ClientHello{Name: "test", Major: 1, Minor: 2, ProtocolVersion: 54460, Database: "otel", User: "default", Password: "secret"}.Encode(&buffer)
	return buffer.Buf
}

func queryPacket(traced bool) []byte {
	var buffer proto.Buffer
	query := proto.Query{
		ID: "id", Body: "SELECT 1", Compression: proto.CompressionEnabled,
		Info:     proto.ClientInfo{ProtocolVersion: Revision, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial, InitialUser: "u", QuotaKey: "q"},
		Settings: []proto.Setting{{Key: "max_threads", Value: "1", Important: true}, {Key: "custom_x", Value: "'y'", Custom: true}},
	}
	if traced {
		query.Info.Span = trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	}
	query.EncodeAware(&buffer, Revision)
	return buffer.Buf
}

func TestHello(t *testing.T) {
	hello, err := behindCode(t, helloPacket()).Hello()
	require.NoError(t, err)
	assert.Equal(t, Hello{Revision: 54460, Database: "otel"}, hello)
}

func TestQuery(t *testing.T) {
	for _, traced := range []bool{false, true} {
		query, err := behindCode(t, queryPacket(traced)).Query(Revision)
		require.NoError(t, err)
		assert.Equal(t, Query{ID: "id", Body: "SELECT 1", Compressed: true, Settings: []Setting{
			{Key: "max_threads", Value: "1", Important: true}, {Key: "custom_x", Value: "'y'", Custom: true},
		}}, query)
	}
	_, err := behindCode(t, queryPacket(false)).Query(54000)
	require.ErrorContains(t, err, "older than")
}

// TestPartsOfPackets cuts packets at every place.
func TestPartsOfPackets(t *testing.T) {
	for name, c := range map[string]struct {
		packet []byte
		read   func(*Reader) error
	}{
		"hello": {helloPacket(), func(r *Reader) error { _, err := r.Hello(); return err }},
		"query": {queryPacket(true), func(r *Reader) error { _, err := r.Query(Revision); return err }},
		"data":  {dataPacket(t, compress.None), func(r *Reader) error { _, err := r.Data(false, io.Discard); return err }},
		"lz4":   {dataPacket(t, compress.LZ4), func(r *Reader) error { _, err := r.Data(true, io.Discard); return err }},
	} {
		for size := 1; size < len(c.packet); size++ {
			require.ErrorIs(t, c.read(behindCode(t, c.packet[:size])), io.ErrUnexpectedEOF, "%s, %d of %d bytes", name, size, len(c.packet))
		}
	}
}

// rows is a block of one column in the Native format.
func rows() []byte {
	block := native.AppendHeader(nil, []native.Column{{Name: "a", Type: "String"}})
	block[1] = 2
	return append(block, "\x01x\x03yyy"...)
}

// dataPacket is a client's data packet. None means that it is not compressed
// at all.
func dataPacket(t testing.TB, method compress.Method) []byte {
	t.Helper()
	body := append([]byte(blockInfo), rows()...)
	if method != compress.None {
		writer := compress.NewWriter(compress.LevelZero, method)
		require.NoError(t, writer.Compress(body))
		body = writer.Data
	}
	return append([]byte{byte(proto.ClientCodeData), 0}, body...)
}

func TestData(t *testing.T) {
	for _, method := range []compress.Method{compress.None, compress.LZ4, compress.LZ4HC, compress.ZSTD} {
		packets := append(dataPacket(t, method), dataPacket(t, method)...)
		r := NewReader(bytes.NewReader(packets))
		for range 2 {
			_, err := r.Code()
			require.NoError(t, err)
			var copied bytes.Buffer
			block, err := r.Data(method != compress.None, &copied)
			require.NoError(t, err)
			assert.Equal(t, rows(), copied.Bytes())
			assert.Equal(t, uint64(2), block.Rows)
			assert.False(t, block.End())
		}
		_, err := r.Code()
		require.ErrorIs(t, err, io.EOF)
	}
}

// TestWrittenDataReads has what the server writes read back as a client's
// packet, whose shape is the same.
func TestWrittenDataReads(t *testing.T) {
	for _, size := range []int{10, 3 * frameSize} {
		for _, compression := range []Compression{Plain, LZ4, ZSTD} {
			block := native.AppendHeader(nil, []native.Column{{Name: "a", Type: "UInt8"}})
			block = append(append([]byte{1}, uvarint(size)...), block[2:]...)
			block = append(block, bytes.Repeat([]byte("x"), size)...)
			var sent bytes.Buffer
			w := NewWriter(&sent)
			require.NoError(t, w.Data(block, compression))
			require.NoError(t, w.Flush())
			var copied bytes.Buffer
			_, err := behindCode(t, sent.Bytes()).Data(compression != Plain, &copied)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(block, copied.Bytes()))
		}
	}
}

func uvarint(n int) []byte {
	var buffer proto.Buffer
	buffer.PutUVarInt(uint64(n))
	return buffer.Buf
}

func TestLimits(t *testing.T) {
	huge := uvarint(1 << 60)
	_, err := NewReader(bytes.NewReader(huge)).Hello()
	require.ErrorContains(t, err, "longer than 1048576")
	// The claim is within the limit, but nothing follows.
	_, err = NewReader(bytes.NewReader(uvarint(maxText))).Hello()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	var buffer proto.Buffer
	query := proto.Query{Info: proto.ClientInfo{Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial}}
	for range maxSettings + 1 {
		query.Settings = append(query.Settings, proto.Setting{Key: "a", Value: "1"})
	}
	query.EncodeAware(&buffer, Revision)
	_, err = behindCode(t, buffer.Buf).Query(Revision)
	require.ErrorContains(t, err, "more than 1000 settings")
}

func TestServerPackets(t *testing.T) {
	var sent bytes.Buffer
	w := NewWriter(&sent)
	require.NoError(t, w.Hello(Server{Name: "ClickHouse", DisplayName: "engine", Timezone: "UTC", Major: 26, Minor: 7, Patch: 2}, 54460))
	require.NoError(t, w.Exception(60, "DB::Exception", "no table"))
	require.NoError(t, w.Progress(1, 2, 3, 4))
	require.NoError(t, w.Pong())
	require.NoError(t, w.EndOfStream())
	require.NoError(t, w.Flush())

	r := proto.NewReader(&sent)
	expect := func(code proto.ServerCode) {
		got, err := r.UVarInt()
		require.NoError(t, err)
		require.Equal(t, code, proto.ServerCode(got))
	}
	expect(proto.ServerCodeHello)
	var hello proto.ServerHello
	require.NoError(t, hello.DecodeAware(r, Revision))
	assert.Equal(t, proto.ServerHello{Name: "ClickHouse", DisplayName: "engine", Timezone: "UTC", Major: 26, Minor: 7, Patch: 2, Revision: Revision}, hello)
	expect(proto.ServerCodeException)
	var exception proto.Exception
	require.NoError(t, exception.DecodeAware(r, Revision))
	assert.Equal(t, proto.Exception{Code: 60, Name: "DB::Exception", Message: "no table"}, exception)
	expect(proto.ServerCodeProgress)
	var progress proto.Progress
	require.NoError(t, progress.DecodeAware(r, Revision))
	assert.Equal(t, proto.Progress{Rows: 1, Bytes: 2, WroteRows: 3, WroteBytes: 4}, progress)
	expect(proto.ServerCodePong)
	expect(proto.ServerCodeEndOfStream)
}

// FuzzPackets reads any bytes as each packet.
func FuzzPackets(f *testing.F) {
	f.Add(helloPacket())
	f.Add(queryPacket(true))
	f.Add(dataPacket(f, compress.None))
	f.Add(dataPacket(f, compress.LZ4))
	f.Add(dataPacket(f, compress.ZSTD))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func(*Reader) error{
			func(r *Reader) error { _, err := r.Hello(); return err },
			func(r *Reader) error { _, err := r.Query(Revision); return err },
			func(r *Reader) error { _, err := r.Data(false, io.Discard); return err },
			func(r *Reader) error { _, err := r.Data(true, io.Discard); return err },
		} {
			r := NewReader(bytes.NewReader(data))
			if _, err := r.Code(); err == nil {
				_ = read(r) // any error will do, a panic will not
			}
		}
	})
}
