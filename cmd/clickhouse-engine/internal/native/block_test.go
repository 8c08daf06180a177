// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is a block that ch-go encodes, with a column of each kind of layout.
func sample(t testing.TB, rows int) []byte {
	t.Helper()
	var (
		id     proto.ColUInt64
		text   proto.ColStr
		name   = new(proto.ColStr).LowCardinality()
		labels = proto.NewMap[string, string](new(proto.ColStr).LowCardinality(), new(proto.ColStr))
		lists  = proto.NewArray[[]string](proto.NewArray[string](new(proto.ColStr).LowCardinality()))
		maybe  = new(proto.ColUInt16).Nullable()
		at     proto.ColDateTime64
		fixed  proto.ColUUID
	)
	at.WithPrecision(proto.PrecisionNano)
	for i := range rows {
		id.Append(uint64(i))
		text.Append(strings.Repeat("x", i*37%5000))
		name.Append(strings.Repeat("n", i%7))
		labels.Append(map[string]string{"k": "v", strings.Repeat("k", i%5+2): "w"})
		lists.Append([][]string{{"a", "b"}, {}}[:i%3%2+1])
		maybe.Append(proto.Nullable[uint16]{Set: i%2 == 0, Value: uint16(i)})
		at.Append(time.Unix(1_790_000_000, int64(i)))
		fixed.Append([16]byte{byte(i)})
	}
	input := proto.Input{
		{Name: "id", Data: &id}, {Name: "text", Data: &text}, {Name: "name", Data: name},
		{Name: "labels", Data: labels}, {Name: "lists", Data: lists}, {Name: "maybe", Data: maybe},
		{Name: "at", Data: &at}, {Name: "fixed", Data: &fixed},
	}
	var buffer proto.Buffer
	block := proto.Block{Columns: len(input), Rows: rows}
	require.NoError(t, block.EncodeRawBlock(&buffer, 54453, input))
	return buffer.Buf
}

func TestCopyBlock(t *testing.T) {
	for _, rows := range []int{0, 1, 3, 1000} {
		block := sample(t, rows)
		source := bytes.NewReader(append(block, "behind"...))
		var copied bytes.Buffer
		header, err := CopyBlock(&copied, source)
		require.NoError(t, err)
		assert.Equal(t, uint64(rows), header.Rows)
		assert.Equal(t, Column{"labels", "Map(LowCardinality(String), String)"}, header.Columns[3])
		assert.Equal(t, block, copied.Bytes())
		assert.Equal(t, len("behind"), source.Len())
	}
}

// TestCopyBlockOfPart cuts a block at every place.
func TestCopyBlockOfPart(t *testing.T) {
	block := sample(t, 3)
	for size := range block {
		_, err := CopyBlock(io.Discard, bytes.NewReader(block[:size]))
		want := io.ErrUnexpectedEOF
		if size == 0 {
			want = io.EOF
		}
		require.ErrorIs(t, err, want, "%d of %d bytes", size, len(block))
	}
}

func TestAppendHeader(t *testing.T) {
	columns := []Column{{"a", "UInt8"}, {"b", "Map(String, JSON)"}}
	header, err := CopyBlock(io.Discard, bytes.NewReader(AppendHeader(nil, columns)))
	require.NoError(t, err)
	assert.Equal(t, Header{Columns: columns}, header)
}

// block writes a block of one column by hand.
func block(rows uint64, typ string, data ...byte) []byte {
	b := binary.AppendUvarint([]byte{1}, rows)
	b = append(b, 1, 'c')
	b = append(binary.AppendUvarint(b, uint64(len(typ))), typ...)
	return append(b, data...)
}

func words(values ...uint64) (b []byte) {
	for _, value := range values {
		b = binary.LittleEndian.AppendUint64(b, value)
	}
	return b
}

func TestCopyBlockRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		block []byte
		want  string
	}{
		"too many rows":           {block(1<<40, "UInt8"), "a block claims 1 columns and 1099511627776 rows"},
		"too many columns":        {binary.AppendUvarint(nil, 1<<40), ""},
		"endless length":          {bytes.Repeat([]byte{0xff}, 20), "longer than 64 bits"},
		"long name":               {[]byte{1, 1, 0xff, 0xff, 0xff, 0x7f}, "a name claims"},
		"unknown type":            {block(1, "Dynamic"), "the type Dynamic is not supported"},
		"falling offsets":         {block(2, "Array(UInt8)", words(5, 1)...), "offset 1 comes after 5"},
		"huge array":              {block(1, "Array(UInt64)", words(1<<63)...), "do not fit"},
		"LowCardinality version":  {block(1, "LowCardinality(String)", words(2)...), "version 2, not 1"},
		"LowCardinality flags":    {block(1, "LowCardinality(String)", words(1, 1<<8)...), "flags"},
		"LowCardinality overflow": {block(1, "LowCardinality(String)", words(1, 1<<9, 0, 9)...), ""},
		"LowCardinality no rows":  {block(1, "LowCardinality(String)", words(1, 1<<9, 0, 0)...), "0 keys where 1 rows are left"},
		"JSON objects":            {block(1, "JSON", words(0)...), "output_format_native_write_json_as_string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CopyBlock(io.Discard, bytes.NewReader(c.block))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestCopyBlockStopsAtTheWriter passes the writer's error on.
func TestCopyBlockStopsAtTheWriter(t *testing.T) {
	full := errors.New("full")
	_, err := CopyBlock(writer(func([]byte) (int, error) { return 0, full }), bytes.NewReader(sample(t, 1000)))
	require.ErrorIs(t, err, full)
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// endless is a block that claims much and holds nothing but one byte value.
type endless struct {
	start *bytes.Reader
	left  int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.start.Len() > 0 {
		return e.start.Read(p)
	}
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	clear(p[:n])
	e.left -= n
	return n, nil
}

func (e *endless) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(e, b[:])
	return b[0], err
}

// TestCopyBlockInBoundedMemory copies 256 MiB.
func TestCopyBlockInBoundedMemory(t *testing.T) {
	const size = 256 << 20
	source := &endless{start: bytes.NewReader(append(block(1, "String"), binary.AppendUvarint(nil, size)...)), left: size}
	var largest int
	_, err := CopyBlock(writer(func(p []byte) (int, error) { largest = max(largest, len(p)); return len(p), nil }), source)
	require.NoError(t, err)
	assert.LessOrEqual(t, largest, chunkSize)
}

func FuzzCopyBlock(f *testing.F) {
	f.Add(sample(f, 0))
	f.Add(sample(f, 3))
	f.Add(block(2, "Array(UInt8)", words(5, 1)...))
	f.Add(block(1, "Nested(a Tuple(b Point), `c d` Decimal(9, 2))", words(1)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		var copied bytes.Buffer
		source := bytes.NewReader(data)
		header, err := CopyBlock(&copied, source)
		if err != nil {
			return
		}
		taken := data[:len(data)-source.Len()]
		if !bytes.Equal(taken, copied.Bytes()) {
			t.Fatalf("%x was copied as %x", taken, copied.Bytes())
		}
		again, err := CopyBlock(io.Discard, bytes.NewReader(taken))
		if err != nil || len(again.Columns) != len(header.Columns) {
			t.Fatalf("the copy reads as %v, %v", again, err)
		}
	})
}

func BenchmarkCopyBlock(b *testing.B) {
	data := sample(b, 10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := CopyBlock(io.Discard, bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}
