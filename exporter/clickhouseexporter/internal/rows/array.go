// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// array is an Array(T) column: a row is what was appended to its elements
// since the row before was ended. The arrays of one Nested share their offsets.
type array struct {
	offsets  *uint64s
	elements column
}

// Type is Array of the elements' type.
func (c *array) Type() proto.ColumnType { return proto.ColumnTypeArray.Sub(c.elements.Type()) }

// Rows is the number of rows that were ended.
func (c *array) Rows() int { return c.offsets.Rows() }

// Reset empties the column and its elements.
func (c *array) Reset() {
	c.offsets.Reset()
	c.elements.Reset()
}

// EncodeState writes what the elements' encoding begins with.
func (c *array) EncodeState(b *proto.Buffer) {
	if stateful, ok := c.elements.(proto.StateEncoder); ok {
		stateful.EncodeState(b)
	}
}

// Infer passes the type of the server's elements on.
func (c *array) Infer(server proto.ColumnType) error {
	if inferable, ok := c.elements.(proto.Inferable); ok {
		return inferable.Infer(server.Elem())
	}
	return nil
}

// EncodeColumn writes the offsets, then the elements.
func (c *array) EncodeColumn(b *proto.Buffer) {
	c.offsets.EncodeColumn(b)
	c.elements.EncodeColumn(b)
}

// WriteColumn writes the offsets, then the elements.
func (c *array) WriteColumn(w *proto.Writer) {
	c.offsets.WriteColumn(w)
	c.elements.WriteColumn(w)
}

// endRow ends a row of the column, and of those that share its offsets.
func (c *array) endRow() { c.offsets.append(uint64(c.elements.Rows())) }

func (c *array) size(from, to int) int {
	first, last := bounds(c.offsets, from, to)
	return maxWidth*(to-from) + c.elements.size(first, last)
}

func (c *array) window(from, to int) column {
	first, last := bounds(c.offsets, from, to)
	return &array{offsets: rebased(c.offsets, from, to), elements: c.elements.window(first, last)}
}

// nested is the arrays of the columns, which end their rows together.
func nested(elements ...column) []array {
	offsets := new(uint64s)
	arrays := make([]array, len(elements))
	for i, column := range elements {
		arrays[i] = array{offsets, column}
	}
	return arrays
}

// bounds are the elements of the rows from up to to.
func bounds(offsets *uint64s, from, to int) (first, last int) {
	if from > 0 {
		first = int(offsets.values[from-1])
	}
	if to > 0 {
		last = int(offsets.values[to-1])
	}
	return first, last
}

// rebased is the offsets of the rows from up to to, as if they were the first.
func rebased(offsets *uint64s, from, to int) *uint64s {
	first, _ := bounds(offsets, from, to)
	part := &uint64s{values: make([]uint64, 0, to-from)}
	for _, offset := range offsets.values[from:to] {
		part.append(offset - uint64(first))
	}
	return part
}
