// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// nanoseconds is a DateTime64(9) column: ns since the Unix epoch.
type nanoseconds struct {
	scalars[proto.ColInt64, int64]
}

// Type is DateTime64(9).
func (*nanoseconds) Type() proto.ColumnType { return "DateTime64(9)" }

// append adds a time. Times after 2262-04-11, which a signed 64-bit count of
// nanoseconds cannot hold, are stored as the last one that it can.
func (c *nanoseconds) append(t pcommon.Timestamp, corrected *Corrections) {
	if t > math.MaxInt64 {
		t = math.MaxInt64
		corrected[TimeOutOfRange]++
	}
	c.values = append(c.values, int64(t))
}

func (c *nanoseconds) window(from, to int) column {
	return &nanoseconds{scalars[proto.ColInt64, int64]{values: c.values[from:to]}}
}

// pointTimes is a column of times of metrics: DateTime, or DateTime64(9) where the
// table, made by an older exporter, has more than seconds.
type pointTimes struct {
	// nanoseconds since the Unix epoch.
	nanoseconds proto.ColInt64
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
func (c *pointTimes) Reset() { c.nanoseconds = emptied(c.nanoseconds, maxWidth) }

// EncodeColumn writes seconds as UInt32, or nanoseconds as Int64.
func (c *pointTimes) EncodeColumn(b *proto.Buffer) {
	if c.fine {
		c.nanoseconds.EncodeColumn(b)
		return
	}
	for _, ns := range c.nanoseconds {
		b.PutUInt32(uint32(ns / nanosecondsPerSecond))
	}
}

// WriteColumn writes what EncodeColumn writes.
func (c *pointTimes) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }

func (c *pointTimes) size(from, to int) int { return maxWidth * (to - from) }

func (c *pointTimes) window(from, to int) column {
	return &pointTimes{nanoseconds: c.nanoseconds[from:to], fine: c.fine}
}

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
