// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// Of the encoding of LowCardinality. Source: ClickHouse,
// src/DataTypes/Serializations/SerializationLowCardinality.cpp.
const (
	sharedDictionariesWithAdditionalKeys = 1

	hasAdditionalKeys    = 1 << 9
	needUpdateDictionary = 1 << 10
)

// lowCardinality is a LowCardinality(String) column: a dictionary, and each
// row's number in it.
type lowCardinality struct {
	dictionary dictionary
	numbers    []uint32
}

func newLowCardinality() *lowCardinality { return &lowCardinality{dictionary: newDictionary()} }

// Type is LowCardinality(String).
func (*lowCardinality) Type() proto.ColumnType {
	return proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString)
}

// Rows is the number of rows.
func (c *lowCardinality) Rows() int { return len(c.numbers) }

// Reset empties the column.
func (c *lowCardinality) Reset() {
	c.dictionary.reset()
	c.numbers = emptied(c.numbers, maxWidth/2)
}

// EncodeState writes the version of the dictionary's encoding.
func (*lowCardinality) EncodeState(b *proto.Buffer) {
	b.PutInt64(sharedDictionariesWithAdditionalKeys)
}

// EncodeColumn writes the dictionary and the numbers, of the width that
// clickhouse-go gives them.
func (c *lowCardinality) EncodeColumn(b *proto.Buffer) {
	c.encodeDictionary(b, len(c.numbers))
	if len(c.numbers) > 0 {
		b.Buf = c.appendNumbers(b.Buf, c.numbers)
	}
}

// WriteColumn writes what EncodeColumn writes.
func (c *lowCardinality) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

// encodeDictionary writes what stands before the numbers of that many rows:
// nothing for none. Number 0 of the dictionary is the type's default, the
// empty string, whether a row has it or not.
func (c *lowCardinality) encodeDictionary(b *proto.Buffer, rows int) {
	if rows == 0 {
		return
	}
	b.PutUInt64(hasAdditionalKeys | needUpdateDictionary | c.widthCode())
	b.PutInt64(int64(c.dictionary.values.rows) + 1)
	b.PutByte(0)
	c.dictionary.values.EncodeColumn(b)
	b.PutInt64(int64(rows))
}

// widthCode is 0, 1 or 2 for numbers of 1, 2 or 4 bytes. Source: the limits of
// clickhouse-go v2.50.0, lib/column/lowcardinality.go, Encode.
func (c *lowCardinality) widthCode() uint64 {
	switch values := c.dictionary.values.rows; {
	case values < math.MaxUint8:
		return 0
	case values < math.MaxUint16:
		return 1
	default:
		return 2
	}
}

// appendNumbers writes numbers as places in the dictionary that is sent.
func (c *lowCardinality) appendNumbers(buffer []byte, numbers []uint32) []byte {
	code := c.widthCode()
	start, length := len(buffer), len(numbers)<<code
	buffer = slices.Grow(buffer, length)[:start+length]
	to := buffer[start:]
	switch code {
	case 0:
		for i, number := range numbers {
			to[i] = uint8(number + 1)
		}
	case 1:
		for i, number := range numbers {
			binary.LittleEndian.PutUint16(to[2*i:], uint16(number+1))
		}
	default:
		for i, number := range numbers {
			binary.LittleEndian.PutUint32(to[4*i:], number+1)
		}
	}
	return buffer
}

func (c *lowCardinality) append(s string) {
	c.numbers = append(c.numbers, c.dictionary.number(s))
}

// repeat adds a string n times.
func (c *lowCardinality) repeat(s string, n int) {
	if n == 0 {
		return
	}
	number := c.dictionary.number(s)
	for range n {
		c.numbers = append(c.numbers, number)
	}
}

// size is known of all rows. Of some it counts each as if the dictionary held its
// value for it alone: which values the rows have in common is not looked for.
func (c *lowCardinality) size(from, to int) int {
	if from == 0 && to == len(c.numbers) {
		return c.sizeOfAll(len(c.numbers))
	}
	return c.sizeOf(c.numbers[from:to])
}

// sizeOfAll is the size of the dictionary and as many numbers as there are rows.
func (c *lowCardinality) sizeOfAll(rows int) int {
	return len(c.dictionary.values.buffer) + maxWidth*rows
}

func (c *lowCardinality) sizeOf(numbers []uint32) int {
	sum := (maxWidth + maxLength) * len(numbers)
	for _, number := range numbers {
		span := c.dictionary.ends[number]
		sum += span.to - span.from
	}
	return sum
}

func (c *lowCardinality) window(from, to int) column {
	part := newLowCardinality()
	part.numbers = c.translate(part, nil, c.numbers[from:to])
	return part
}

// translate adds numbers of this column as they are in another's dictionary,
// which gets what it lacks.
func (c *lowCardinality) translate(to *lowCardinality, translated, numbers []uint32) []uint32 {
	for _, number := range numbers {
		span := c.dictionary.ends[number]
		translated = append(translated, to.dictionary.number(string(c.dictionary.values.buffer[span.from:span.to])))
	}
	return translated
}
