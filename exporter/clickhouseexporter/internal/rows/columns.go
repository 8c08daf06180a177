// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// column is what a table's columns are made of. None of them infers its type
// from the server's: the type that is sent is the type of the data, and the
// server casts where its table differs, or says that it cannot.
type column interface {
	proto.ColInput
	proto.Resettable
}

// nanoseconds is a DateTime64(9) column: ns since the Unix epoch.
type nanoseconds struct{ proto.ColInt64 }

// Type is DateTime64(9).
func (*nanoseconds) Type() proto.ColumnType { return "DateTime64(9)" }

// append adds a time. Times after 2262-04-11, which a signed 64-bit count of
// nanoseconds cannot hold, are stored as the last one that it can.
func (c *nanoseconds) append(t pcommon.Timestamp, corrected *Corrections) {
	if t > math.MaxInt64 {
		t = math.MaxInt64
		corrected[TimeOutOfRange]++
	}
	c.ColInt64 = append(c.ColInt64, int64(t))
}

// seconds is a DateTime column: s since the Unix epoch.
type seconds struct{ proto.ColUInt32 }

// Type is DateTime.
func (*seconds) Type() proto.ColumnType { return "DateTime" }

// append adds a time, cut to seconds. Times after 2106-02-07, which 32 bits
// cannot hold, are stored as the last one that they can.
func (c *seconds) append(t pcommon.Timestamp, corrected *Corrections) {
	const nanosecondsPerSecond = 1_000_000_000
	s := uint64(t) / nanosecondsPerSecond
	if s > math.MaxUint32 {
		s = math.MaxUint32
		corrected[TimeOutOfRange]++
	}
	c.ColUInt32 = append(c.ColUInt32, uint32(s))
}

// newLowCardinality is a LowCardinality(String) column.
func newLowCardinality() *proto.ColLowCardinality[string] {
	return new(proto.ColStr).LowCardinality()
}

// array is an Array(T) column: a row is what was appended to its elements
// since the row before was ended.
type array struct {
	offsets  proto.ColUInt64
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

// Prepare makes the elements ready to be encoded.
func (c *array) Prepare() error {
	if preparable, ok := c.elements.(proto.Preparable); ok {
		return preparable.Prepare()
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

// endRow ends a row.
func (c *array) endRow() {
	c.offsets = append(c.offsets, uint64(c.elements.Rows()))
}

// endRows ends a row of each column of a Nested.
func endRows(columns ...*array) {
	for _, c := range columns {
		c.endRow()
	}
}
