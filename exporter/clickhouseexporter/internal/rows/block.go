// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"github.com/ClickHouse/ch-go/proto"
)

// block is what the columns of every table have in common: their names and
// order, and what had to be corrected while they were filled.
type block struct {
	columns   proto.Input
	corrected Corrections
	// optional are names of columns.
	optional []string
}

// Input is the block's columns in INSERT order, all of Rows length. They are
// valid until the next Append or Reset.
func (b *block) Input() proto.Input { return b.columns }

// Optional are the names of the columns that a table which another exporter made
// may not have: without them, rows can be stored all the same.
func (b *block) Optional() []string { return b.optional }

// addOptional adds columns, which are optional.
func (b *block) addOptional(inputs ...proto.Input) {
	for _, input := range inputs {
		b.columns = append(b.columns, input...)
		b.optional = append(b.optional, namesOf(input)...)
	}
}

// Rows is the number of rows that were appended since the last Reset.
func (b *block) Rows() int { return b.columns[0].Data.Rows() }

// Corrected counts the values that were stored other than they came.
func (b *block) Corrected() Corrections { return b.corrected }

// Reset empties the block, keeps its memory and refers to nothing of what was
// appended.
func (b *block) Reset() {
	for _, data := range b.columns {
		data.Data.(column).Reset()
	}
	b.corrected = Corrections{}
}

// Correction is a reason for storing a value other than it came.
type Correction int

const (
	// NegativeDuration: the span ended before it started; its Duration is 0.
	NegativeDuration Correction = iota
	// TimeOutOfRange: a time beyond the column's range was stored as the
	// range's end.
	TimeOutOfRange
	// SeverityOutOfRange: a severity number that a UInt8 cannot hold was stored
	// as 0 (unspecified).
	SeverityOutOfRange
	// DuplicatePath: two attributes of a set have the same path in a JSON
	// column, such as a.b of {"a": {"b": 1}, "a.b": 2}; the first was stored.
	DuplicatePath
	// NumberNotInJSON: NaN or an infinity, which JSON does not have, was stored
	// as a string in a JSON column.
	NumberNotInJSON

	// IndexOutOfRange: an index of a profile led nowhere in its tables; it was
	// stored as if it were not set.
	IndexOutOfRange
	// LineOutOfRange: a line number that an Int32 cannot hold was stored as 0.
	LineOutOfRange

	numCorrections = 7
)

// String is the correction's name in telemetry.
func (c Correction) String() string {
	switch c {
	case NegativeDuration:
		return "negative_duration"
	case TimeOutOfRange:
		return "time_out_of_range"
	case SeverityOutOfRange:
		return "severity_out_of_range"
	case DuplicatePath:
		return "duplicate_path"
	case NumberNotInJSON:
		return "number_not_in_json"
	case IndexOutOfRange:
		return "index_out_of_range"
	case LineOutOfRange:
		return "line_out_of_range"
	default:
		return "unknown"
	}
}

// Corrections counts corrections by reason.
type Corrections [numCorrections]int64
