// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// column is what a table's columns are made of. All but pointTimes send one type,
// whatever the table's: the server casts where it differs, or says that it
// cannot.
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

// pointTimes is a column of times of metrics: DateTime, or DateTime64(9) where the
// table, made by an older exporter, has more than seconds.
type pointTimes struct {
	// nanoseconds since the Unix epoch.
	nanoseconds []int64
	fine        bool
}

// Type is DateTime or DateTime64(9).
func (c *pointTimes) Type() proto.ColumnType {
	if c.fine {
		return "DateTime64(9)"
	}
	return proto.ColumnTypeDateTime
}

// Infer takes the precision of the server's column.
func (c *pointTimes) Infer(server proto.ColumnType) error {
	c.fine = server.Base() == proto.ColumnTypeDateTime64
	return nil
}

// Rows is the number of times.
func (c *pointTimes) Rows() int { return len(c.nanoseconds) }

// Reset empties the column.
func (c *pointTimes) Reset() { c.nanoseconds = c.nanoseconds[:0] }

// EncodeColumn writes seconds as UInt32, or nanoseconds as Int64.
func (c *pointTimes) EncodeColumn(b *proto.Buffer) {
	if c.fine {
		proto.ColInt64(c.nanoseconds).EncodeColumn(b)
		return
	}
	for _, ns := range c.nanoseconds {
		b.PutUInt32(uint32(ns / nanosecondsPerSecond))
	}
}

// WriteColumn writes what EncodeColumn writes.
func (c *pointTimes) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

const (
	nanosecondsPerSecond = 1_000_000_000
	// lastTime is the last time that a DateTime can hold, 2106-02-07.
	lastTime = math.MaxUint32 * nanosecondsPerSecond
)

// append adds a time. Later ones than a DateTime can hold are stored as the
// last one that it can.
func (c *pointTimes) append(t pcommon.Timestamp, corrected *Corrections) {
	if t > lastTime {
		t = lastTime
		corrected[TimeOutOfRange]++
	}
	c.nanoseconds = append(c.nanoseconds, int64(t))
}

// newLowCardinality is a LowCardinality(String) column.
func newLowCardinality() *proto.ColLowCardinality[string] {
	return new(proto.ColStr).LowCardinality()
}

// resetLowCardinality empties the column and lets go of its strings, which
// ch-go's Reset keeps behind the end of its slice.
func resetLowCardinality(c *proto.ColLowCardinality[string]) {
	clear(c.Values)
	c.Reset()
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
	reset(c.elements)
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
