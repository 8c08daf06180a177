// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"fmt"

	"github.com/ClickHouse/ch-go/proto"
)

// MaxBlock is how many bytes of data one block may hold. ch-go compresses a
// block as one frame, and who reads it has a limit on that: 1 GiB in ClickHouse
// (DBMS_MAX_COMPRESSED_SIZE), 128 MiB in clickhouse-engine, which reads with
// ch-go (compress.maxDataSize).
const MaxBlock = 64 << 20

// Split cuts columns into parts of consecutive rows that hold no more than
// limit bytes each; a row that holds more is a part of its own. Parts share the
// columns' memory. Columns within the limit are returned as they are.
func Split(input proto.Input, limit int) []proto.Input {
	rows := input[0].Data.Rows()
	if rows <= 1 || size(input, 0, rows) <= limit {
		return []proto.Input{input}
	}
	return appendParts(nil, input, 0, rows, limit)
}

// appendParts appends the parts of the rows from up to to.
func appendParts(parts []proto.Input, input proto.Input, from, to, limit int) []proto.Input {
	if to-from > 1 && size(input, from, to) > limit {
		middle := from + (to-from)/2
		parts = appendParts(parts, input, from, middle, limit)
		return appendParts(parts, input, middle, to, limit)
	}
	part := make(proto.Input, len(input))
	for i, column := range input {
		part[i] = proto.InputColumn{Name: column.Name, Data: window(column.Data, from, to)}
	}
	return append(parts, part)
}

// size is at least the bytes that rows of all columns take on the wire.
func size(input proto.Input, from, to int) int {
	sum := 0
	for _, column := range input {
		sum += sizeOf(column.Data, from, to)
	}
	return sum
}

const (
	maxWidth  = 8 // of a number or offset, in bytes
	maxLength = 5 // of the length before a string of less than 32 GiB
)

func sizeOf(data proto.ColInput, from, to int) int {
	rows := to - from
	switch c := data.(type) {
	case *attributes:
		first, last := bounds(c.offsets, from, to)
		return maxWidth*rows + sizeOf(c.keys, first, last) + sizeOf(&c.values, first, last)
	case *array:
		first, last := bounds(c.offsets, from, to)
		return maxWidth*rows + sizeOf(c.elements, first, last)
	case *proto.ColLowCardinality[string]:
		sum := (maxWidth + maxLength) * rows
		for _, value := range c.Values[from:to] {
			sum += len(value)
		}
		return sum
	case *proto.ColStr:
		if rows == 0 {
			return 0
		}
		return c.Pos[to-1].End - c.Pos[from].Start + maxLength*rows
	default:
		return maxWidth * rows
	}
}

// window is the rows from up to to of a column.
func window(data proto.ColInput, from, to int) column {
	switch c := data.(type) {
	case *attributes:
		first, last := bounds(c.offsets, from, to)
		part := newAttributes()
		part.offsets = rebased(c.offsets, from, to)
		part.keys.Values = c.keys.Values[first:last]
		part.values = proto.ColStr{Buf: c.values.Buf, Pos: c.values.Pos[first:last]}
		return part
	case *array:
		first, last := bounds(c.offsets, from, to)
		return &array{offsets: rebased(c.offsets, from, to), elements: window(c.elements, first, last)}
	case *pointTimes:
		return &pointTimes{nanoseconds: c.nanoseconds[from:to], fine: c.fine}
	case *nanoseconds:
		return &nanoseconds{c.ColInt64[from:to]}
	case *proto.ColLowCardinality[string]:
		part := newLowCardinality()
		part.Values = c.Values[from:to]
		return part
	case *proto.ColStr:
		return &proto.ColStr{Buf: c.Buf, Pos: c.Pos[from:to]}
	default:
		return numbers(data, from, to)
	}
}

// numbers is window for columns of one number a row.
func numbers(data proto.ColInput, from, to int) column {
	switch c := data.(type) {
	case *proto.ColUInt8:
		part := (*c)[from:to]
		return &part
	case *proto.ColUInt32:
		part := (*c)[from:to]
		return &part
	case *proto.ColUInt64:
		part := (*c)[from:to]
		return &part
	case *proto.ColInt32:
		part := (*c)[from:to]
		return &part
	case *proto.ColFloat64:
		part := (*c)[from:to]
		return &part
	case *proto.ColBool:
		part := (*c)[from:to]
		return &part
	default:
		// TestSplit has every column of every table.
		panic(fmt.Sprintf("no part of a %T can be made", data))
	}
}

// bounds are the elements of the rows from up to to.
func bounds(offsets proto.ColUInt64, from, to int) (first, last int) {
	if from > 0 {
		first = int(offsets[from-1])
	}
	if to > 0 {
		last = int(offsets[to-1])
	}
	return first, last
}

// rebased is the offsets of the rows from up to to, as if they were the first.
func rebased(offsets proto.ColUInt64, from, to int) proto.ColUInt64 {
	first, _ := bounds(offsets, from, to)
	part := make(proto.ColUInt64, 0, to-from)
	for _, offset := range offsets[from:to] {
		part = append(part, offset-uint64(first))
	}
	return part
}
