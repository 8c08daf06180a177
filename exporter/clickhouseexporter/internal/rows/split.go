// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// MaxBlock is how many bytes of data one block may hold. The server holds a block in
// memory before it writes it. Deduplication rests on the parts of a batch: to change
// this is to cut those that wait in a queue in other places.
const MaxBlock = 64 << 20

// Split cuts a block's columns into parts of consecutive rows that hold no more
// than limit bytes each; a row that holds more is a part of its own. Parts may
// share the columns' memory. Columns within the limit are returned as they are.
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
	return append(parts, Window(input, from, to))
}

// Window is the rows from up to to of a block's columns. It may share their
// memory: numbers and strings do, dictionaries are made anew.
func Window(input proto.Input, from, to int) proto.Input {
	part := make(proto.Input, len(input))
	for i, each := range input {
		part[i] = proto.InputColumn{Name: each.Name, Data: each.Data.(column).window(from, to)}
	}
	return part
}

// size is at least the bytes that rows of all columns take on the wire.
func size(input proto.Input, from, to int) int {
	sum := 0
	for _, each := range input {
		sum += each.Data.(column).size(from, to)
	}
	return sum
}
