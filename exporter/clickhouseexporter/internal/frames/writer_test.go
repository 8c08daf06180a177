// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// methods are those that compress.
var methods = []compress.Method{compress.LZ4, compress.LZ4HC, compress.ZSTD}

// TestFramesAreReadAgain writes data in pieces of several sizes and reads it as
// clickhouse-engine does.
func TestFramesAreReadAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, method := range methods {
		for name, data := range samples(random) {
			t.Run(method.String()+"/"+name, func(t *testing.T) {
				var sent bytes.Buffer
				w, err := NewWriter(&sent, method, 0)
				require.NoError(t, err)
				for range 2 { // what the first time leaves behind makes no difference
					sent.Reset()
					w.Plain([]byte("header"))
					for piece := range pieces(random, data) {
						n, err := w.Write(piece)
						require.NoError(t, err)
						require.Equal(t, len(piece), n)
					}
					require.NoError(t, w.Flush())
					require.Equal(t, "header", string(sent.Next(len("header"))))
					size := sent.Len()
					read := make([]byte, len(data))
					_, err = io.ReadFull(compress.NewReader(&sent), read)
					require.NoError(t, err)
					require.True(t, bytes.Equal(data, read))
					require.Zero(t, sent.Len(), "nothing follows")
					t.Logf("%d bytes as %d", len(data), size)
				}
			})
		}
	}
}

// samples are data of several kinds, and sizes around those of frames.
func samples(random *rand.Rand) map[string][]byte {
	noise := make([]byte, 3*largeFrame+1)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	text := []byte(strings.Repeat("GET /orders/17 200 shop-7f9c ", 40_000))
	for range 20_000 {
		text[random.IntN(len(text))] = byte(random.Uint32())
	}
	return map[string][]byte{
		"a byte": {1}, "short": text[:endLiterals+3], "a frame": text[:lz4Frame], "a frame and a byte": text[:lz4Frame+1],
		"text": text, "noise": noise, "zeros": make([]byte, largeFrame+7),
	}
}

// pieces cuts data at random places.
func pieces(random *rand.Rand, data []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			n := min(len(data), 1+random.IntN(1<<(1+random.IntN(19))))
			if !yield(data[:n]) {
				return
			}
			data = data[n:]
		}
	}
}

// TestEveryLength compresses data of all lengths up to some hundred bytes, where the
// rules about a block's end matter most.
func TestEveryLength(t *testing.T) {
	f := new(fast)
	for length := range 300 {
		for _, data := range [][]byte{make([]byte, length), []byte(strings.Repeat("abcdefghij", 30))[:length]} {
			roundTrip(t, f, data)
		}
	}
}

func FuzzLZ4(f *testing.F) {
	f.Add([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), uint16(900))
	f.Add([]byte("0123456789abcdef"), uint16(3))
	f.Fuzz(func(t *testing.T, data []byte, times uint16) {
		data = bytes.Repeat(data, 1+int(times)%4096)
		roundTrip(t, new(fast), data[:min(len(data), lz4Frame)])
	})
}

// roundTrip compresses behind what the buffer holds already, with no room to spare
// in it, and decompresses with pierrec/lz4.
func roundTrip(t *testing.T, f *fast, data []byte) {
	t.Helper()
	buffer, err := f.compress(slices.Clip([]byte("before")), data)
	require.NoError(t, err)
	require.Equal(t, "before", string(buffer[:6]))
	back := make([]byte, len(data))
	n, err := lz4.UncompressBlock(buffer[6:], back)
	require.NoError(t, err)
	require.Equal(t, len(data), n)
	require.True(t, bytes.Equal(data, back))
	// The rules of the format that a decoder may rely on and this one does not.
	literals, begins := end(t, buffer[6:])
	assert.GreaterOrEqual(t, literals, min(5, len(data)), "a block ends with literals")
	assert.GreaterOrEqual(t, begins, min(12, len(data)), "the last match does not begin behind")
}

// end is how many literals a block ends with, and how far from its end its last
// match begins.
func end(t *testing.T, block []byte) (literals, begins int) {
	t.Helper()
	long := func(at *int, n int) int {
		for more := n == longToken; more; *at++ {
			n += int(block[*at])
			more = block[*at] == 255
		}
		return n
	}
	match := 0
	for at := 0; ; {
		token := block[at]
		at++
		literals = long(&at, int(token>>4))
		at += literals
		if at == len(block) {
			return literals, literals + match
		}
		at += 2
		match = shortestMatch + long(&at, int(token&longToken))
	}
}

func TestNoneIsNoFrames(t *testing.T) {
	_, err := NewWriter(io.Discard, compress.None, 0)
	require.EqualError(t, err, "NONE compresses nothing")
}

// TestErrorsReachWhoWrites has a connection that is closed.
func TestErrorsReachWhoWrites(t *testing.T) {
	reader, writer := io.Pipe()
	require.NoError(t, reader.Close())
	w, err := NewWriter(writer, compress.LZ4, 0)
	require.NoError(t, err)
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	require.ErrorIs(t, w.Flush(), io.ErrClosedPipe)
}
