// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"encoding/binary"
	"math/bits"
)

// Of the LZ4 block format. Source: lz4, doc/lz4_Block_format.md.
const (
	// shortestMatch is the length of a match whose token says 0.
	shortestMatch = 4
	// longToken is what a half of a token says of a length that goes on in the
	// bytes that follow.
	longToken = 15
	// endLiterals is at least how far from the end the last match begins, and more
	// than the five bytes that must be literals.
	endLiterals = 16
)

const (
	// tableBits is the size of the table: 16 KiB, half of a first-level cache.
	tableBits = 13
	// skipBits is how fast the search speeds up where it finds nothing: by a byte a
	// step after so many steps, as a power of two.
	skipBits = 6
)

// fast compresses frames of at most lz4Frame bytes, for which pierrec/lz4 takes
// about twice the time: it looks at one place where that looks at three, and its
// table stays in the first-level cache.
type fast struct {
	// table is where sequences of bytes stood last, by their hash.
	table [1 << tableBits]uint16
}

// hashOf hashes five bytes, the lowest ones.
func hashOf(bytes uint64) uint32 {
	const prime = 889523592379 // of 40 bits, as in lz4's LZ4_hash5
	return uint32((bytes << 24) * prime >> (64 - tableBits))
}

func load(data []byte, at int) uint64 { return binary.LittleEndian.Uint64(data[at:]) }

// compress appends the data as one LZ4 block.
func (f *fast) compress(buffer, data []byte) ([]byte, error) {
	clear(f.table[:])
	// Literals are copied in pieces of 16 bytes, beyond their end.
	buffer, free := room(buffer, len(data)+len(data)/255+2*endLiterals)
	to, done := 0, 0 // in free; in data
	limit := len(data) - endLiterals
	for at := 1; at < limit; {
		found, match := f.search(data, at, limit)
		if match < 0 {
			break
		}
		for found > done && match > 0 && data[found-1] == data[match-1] {
			found--
			match--
		}
		at = found + sameBytes(data, found, match, limit)
		to = appendSequence(free, to, data, done, found, found-match, at-found)
		done = at
		if at < limit {
			f.table[hashOf(load(data, at-2))] = uint16(at - 2)
		}
	}
	to = appendLiterals(free, to, data[done:])
	return buffer[:len(buffer)+to], nil
}

// search is the next place from at on whose bytes stood at match before, or -1.
func (f *fast) search(data []byte, at, limit int) (found, match int) {
	steps := 1 << skipBits
	for at < limit {
		next := load(data, at)
		slot := &f.table[hashOf(next)]
		match := int(*slot)
		*slot = uint16(at)
		if uint32(load(data, match)) == uint32(next) {
			return at, match
		}
		at += steps >> skipBits
		steps++
	}
	return at, -1
}

// sameBytes is how many bytes at two places are the same, four at least, up to the
// limit or a few beyond.
func sameBytes(data []byte, at, match, limit int) int {
	offset := at - match
	end := at + shortestMatch
	for end < limit {
		if differ := load(data, end) ^ load(data, end-offset); differ != 0 {
			return end + bits.TrailingZeros64(differ)>>3 - at
		}
		end += 8
	}
	return end - at
}

// appendSequence writes the literals from one place to another, and the match that
// follows.
func appendSequence(to []byte, n int, data []byte, from, until, offset, length int) int {
	literals := until - from
	length -= shortestMatch
	token := n
	n++
	to[token] = byte(min(literals, longToken)<<4 | min(length, longToken))
	if literals >= longToken {
		n = appendLength(to, n, literals-longToken)
	}
	if literals <= 16 { // there are as many behind them, for matches end before the end
		binary.LittleEndian.PutUint64(to[n:], load(data, from))
		binary.LittleEndian.PutUint64(to[n+8:], load(data, from+8))
	} else {
		copy(to[n:], data[from:until])
	}
	n += literals
	binary.LittleEndian.PutUint16(to[n:], uint16(offset))
	n += 2
	if length >= longToken {
		n = appendLength(to, n, length-longToken)
	}
	return n
}

// appendLiterals writes the end of a block.
func appendLiterals(to []byte, n int, literals []byte) int {
	to[n] = byte(min(len(literals), longToken) << 4)
	n++
	if len(literals) >= longToken {
		n = appendLength(to, n, len(literals)-longToken)
	}
	return n + copy(to[n:], literals)
}

// appendLength writes what is left of a length.
func appendLength(to []byte, n, rest int) int {
	for ; rest >= 255; rest -= 255 {
		to[n] = 255
		n++
	}
	to[n] = byte(rest)
	return n + 1
}
