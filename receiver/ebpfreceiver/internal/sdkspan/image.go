// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sdkspan

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// image is a copy of Go structs in which pointers are offsets within the image,
// 0 where what they led to was not copied. Reads outside of it are zero.
type image []byte

// Of bpf/headers/image.h: where the roots stand, the header before each chunk, and
// the kinds of chunks.
const (
	rootSpan   = 0
	rootTracer = 8
	headerSize = 16

	chunkBytes       = 1
	chunkStrings     = 2
	chunkKeyValues   = 3
	chunkValues      = 4
	chunkEvents      = 5
	chunkLinks       = 6
	chunkBoxedEvents = 7
	chunkBoxedLinks  = 8
	chunkSpan        = 9
	chunkTracer      = 10
	chunkResource    = 11
)

// Sizes and offsets that the plan proves: plan.SDKLayout.
const (
	stringSize    = 16
	keyValueSize  = 64
	keyValueValue = 16
	valueSize     = 48
	valueNumber   = 8
	valueText     = 16
	valueSlice    = 32
)

// chunk is what one pointer led to.
type chunk struct {
	at    int // of its first byte
	bytes int // that were copied
	whole int // that there were
}

// elements are how many of a size were copied, and how many there were.
func (c chunk) elements(size int) (copied, whole int) {
	if size <= 0 {
		return 0, 0
	}
	return c.bytes / size, c.whole / size
}

func (i image) word(at int) uint64 {
	if at < 0 || at > len(i)-8 {
		return 0
	}
	return binary.LittleEndian.Uint64(i[at:])
}

func (i image) half(at int) uint32 {
	if at < 0 || at > len(i)-4 {
		return 0
	}
	return binary.LittleEndian.Uint32(i[at:])
}

func (i image) byte(at int) byte {
	if at < 0 || at >= len(i) {
		return 0
	}
	return i[at]
}

// follow is the chunk that the word at slot leads to, if it is of the kind. What
// is led to was copied later: nothing leads back.
func (i image) follow(slot int, kind uint32) (chunk, bool) {
	at := i.word(slot)
	if at > uint64(len(i)) || int(at) <= slot || at < headerSize {
		return chunk{}, false
	}
	c := chunk{at: int(at), bytes: int(i.half(int(at) - headerSize)), whole: int(i.half(int(at) - headerSize + 4))}
	return c, i.half(int(at)-headerSize+8) == kind && c.bytes <= len(i)-c.at
}

// text is the string whose header stands at slot, and whether it is whole. One
// that was cut ends with a whole character. OTLP takes UTF-8 only, and Go any bytes:
// what is none becomes U+FFFD.
func (i image) text(slot int) (string, bool) {
	if i.word(slot+8) == 0 {
		return "", true
	}
	c, ok := i.follow(slot, chunkBytes)
	if !ok {
		return "", false
	}
	bytes, whole := i[c.at:c.at+c.bytes], c.bytes == c.whole
	switch {
	case utf8.Valid(bytes): // several times as fast as ToValidUTF8
		return string(bytes), whole
	case whole:
		return strings.ToValidUTF8(string(bytes), "\uFFFD"), true
	default:
		return strings.ToValidUTF8(string(bytes), ""), false
	}
}

// Of time.Time (src/time/time.go, the same since Go 1.9): wall has nanoseconds in
// its low 30 bits; with the highest bit set seconds since 1885 above them, else
// ext has seconds since year 1.
const (
	hasMonotonic    = 1 << 63
	nanosecondBits  = 30
	wallToInternal  = (1884*365 + 1884/4 - 1884/100 + 1884/400) * 86400
	unixToInternal  = (1969*365 + 1969/4 - 1969/100 + 1969/400) * 86400
	nanosPerSecond  = 1_000_000_000
	nanosecondsMask = 1<<nanosecondBits - 1
)

// unixNano is the time.Time at an offset, as its UnixNano says it.
func (i image) unixNano(at int) int64 {
	wall, seconds := i.word(at), int64(i.word(at+8))
	if wall&hasMonotonic != 0 {
		seconds = wallToInternal + int64(wall<<1>>(nanosecondBits+1))
	}
	return (seconds-unixToInternal)*nanosPerSecond + int64(wall&nanosecondsMask)
}
