// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

// maxLength is the length before a string of less than 32 GiB, in bytes.
const maxLength = 5

// text is a String column as it goes over the wire: each string behind its
// length, in one buffer.
type text struct {
	buffer []byte
	rows   int
	// starts is where each row begins, and then the end. It is made where a
	// column is cut into parts, and is out of date once rows were added.
	starts []int
}

// Type is String.
func (*text) Type() proto.ColumnType { return proto.ColumnTypeString }

// Rows is the number of strings.
func (c *text) Rows() int { return c.rows }

// Reset empties the column.
func (c *text) Reset() {
	c.buffer, c.rows, c.starts = emptied(c.buffer, 1), 0, emptied(c.starts, maxWidth)
}

// EncodeColumn writes the strings.
func (c *text) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.buffer...) }

// WriteColumn writes the strings, without a copy.
func (c *text) WriteColumn(w *proto.Writer) { w.ChainWrite(c.buffer) }

func (c *text) append(s string) {
	c.buffer = appendString(c.buffer, s)
	c.rows++
}

func (c *text) size(from, to int) int {
	if from == 0 && to == c.rows {
		return len(c.buffer)
	}
	c.index()
	return c.starts[to] - c.starts[from]
}

func (c *text) window(from, to int) column {
	c.index()
	return &text{buffer: c.buffer[c.starts[from]:c.starts[to]], rows: to - from}
}

// index brings starts up to date.
func (c *text) index() {
	if len(c.starts) == c.rows+1 {
		return
	}
	c.starts = append(c.starts[:0], 0)
	for at := 0; at < len(c.buffer); {
		length, width := binary.Uvarint(c.buffer[at:])
		at += width + int(length)
		c.starts = append(c.starts, at)
	}
}

// appendString adds a string behind its length.
func appendString(buffer []byte, s string) []byte {
	return append(appendLength(buffer, len(s)), s...)
}

// appendLength adds what stands before a string of that many bytes.
func appendLength(buffer []byte, length int) []byte {
	if length < 0x80 {
		return append(buffer, byte(length))
	}
	return binary.AppendUvarint(buffer, uint64(length))
}

// appendRepeated adds a piece n times.
func appendRepeated(buffer, piece []byte, n int) []byte {
	if len(piece) == 0 || n == 0 {
		return buffer
	}
	start, end := len(buffer), len(buffer)+n*len(piece)
	buffer = append(buffer, piece...)
	for len(buffer) < end {
		buffer = append(buffer, buffer[start:min(len(buffer), start+end-len(buffer))]...)
	}
	return buffer
}

// repeatedText is a String column in which a value stands for many rows: what
// belongs to a resource, scope or metric is kept once.
type repeatedText struct {
	values text
	runs   runs
	tiles  tiles
}

// Type is String.
func (*repeatedText) Type() proto.ColumnType { return proto.ColumnTypeString }

// Rows is the number of rows.
func (c *repeatedText) Rows() int { return c.runs.rows() }

// Reset empties the column.
func (c *repeatedText) Reset() {
	c.values.Reset()
	c.runs.reset()
	c.tiles.reset()
}

// EncodeColumn writes each value as often as it is repeated.
func (c *repeatedText) EncodeColumn(b *proto.Buffer) {
	c.values.index()
	for run, n := range c.runs.all() {
		b.Buf = appendRepeated(b.Buf, c.value(run), n)
	}
}

// WriteColumn writes what EncodeColumn writes.
func (c *repeatedText) WriteColumn(w *proto.Writer) {
	c.values.index()
	c.tiles.begin()
	for run, n := range c.runs.all() {
		c.tiles.write(w, c.value(run), n)
	}
}

// set is the value of the rows that follow.
func (c *repeatedText) set(s string) { c.values.append(s) }

// repeat adds n rows of the value that was set last.
func (c *repeatedText) repeat(n int) { c.runs.extend(c.values.rows-1, n) }

// value is one value, behind its length. The values are indexed.
func (c *repeatedText) value(item int) []byte {
	return c.values.buffer[c.values.starts[item]:c.values.starts[item+1]]
}

func (c *repeatedText) size(from, to int) int {
	c.values.index()
	sum := 0
	for item, n := range c.runs.between(from, to) {
		sum += n * len(c.value(item))
	}
	return sum
}

func (c *repeatedText) window(from, to int) column {
	c.values.index()
	return &repeatedText{values: c.values, runs: c.runs.window(from, to)}
}
