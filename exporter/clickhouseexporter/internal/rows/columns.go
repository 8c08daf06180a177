// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// column is what a table's columns are made of. All but pointTimes send one type,
// whatever the table's: the server casts where it differs, or says that it
// cannot.
type column interface {
	proto.ColInput
	proto.Resettable
	// size is at least the bytes that the rows from up to to take on the wire.
	size(from, to int) int
	// window is the rows from up to to. It may share the column's memory.
	window(from, to int) column
}

// keptBytes is the most memory that one buffer of a column keeps for the next
// batch: as much as the values of the largest block, so that steady load
// allocates nothing, and one hostile batch does not stay.
const keptBytes = MaxBlock

// emptied is a buffer without its contents, for the next batch; one that grew
// beyond keptBytes is let go.
func emptied[E any](buffer []E, bytesEach int) []E {
	if cap(buffer) > keptBytes/bytesEach {
		return nil
	}
	return buffer[:0]
}

// scalars is a column of ch-go's of numbers of one width.
type scalars[C interface {
	~[]E
	proto.ColInput
}, E any] struct {
	values C
}

type (
	uint8s   = scalars[proto.ColUInt8, uint8]
	uint32s  = scalars[proto.ColUInt32, uint32]
	uint64s  = scalars[proto.ColUInt64, uint64]
	int32s   = scalars[proto.ColInt32, int32]
	int64s   = scalars[proto.ColInt64, int64]
	float64s = scalars[proto.ColFloat64, float64]
	bools    = scalars[proto.ColBool, bool]
)

// maxWidth is the width of the widest number, in bytes.
const maxWidth = 8

// Type is that of ch-go's column.
func (c *scalars[C, E]) Type() proto.ColumnType { return c.values.Type() }

// Rows is the number of values.
func (c *scalars[C, E]) Rows() int { return len(c.values) }

// Reset empties the column.
func (c *scalars[C, E]) Reset() { c.values = emptied(c.values, maxWidth) }

// EncodeColumn writes the values, little-endian.
func (c *scalars[C, E]) EncodeColumn(b *proto.Buffer) { c.values.EncodeColumn(b) }

// WriteColumn writes what EncodeColumn writes, without a copy.
func (c *scalars[C, E]) WriteColumn(w *proto.Writer) { c.values.WriteColumn(w) }

func (c *scalars[C, E]) append(value E) { c.values = append(c.values, value) }

// repeat adds a value n times.
func (c *scalars[C, E]) repeat(value E, n int) {
	for range n {
		c.values = append(c.values, value)
	}
}

func (c *scalars[C, E]) size(from, to int) int { return maxWidth * (to - from) }

func (c *scalars[C, E]) window(from, to int) column {
	return &scalars[C, E]{values: c.values[from:to]}
}
