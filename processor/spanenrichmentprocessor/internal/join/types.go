// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"bytes"
	"cmp"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// SpanKey names one span of one trace.
type SpanKey struct {
	Trace pcommon.TraceID
	Span  pcommon.SpanID
}

// Process names a process as a resource does: by service.name and process.pid.
// The PID is 0 where the resource has none.
type Process struct {
	Service string
	PID     int64
}

// Interval is a stretch of time, both ends in nanoseconds since the Unix epoch.
type Interval struct {
	Start, End int64
}

// Covers tells whether other lies within the interval.
func (i Interval) Covers(other Interval) bool {
	return i.Start <= other.Start && other.End <= i.End
}

// Overlap is the length that two intervals share, in nanoseconds.
func (i Interval) Overlap(other Interval) int64 {
	return max(0, min(i.End, other.End)-max(i.Start, other.Start))
}

// Span is what the join needs to know of a span.
type Span struct {
	Key       SpanKey
	Process   Process
	Interval  Interval
	Goroutine int64 // 0 where the span does not say
	HasLedger bool  // the receiver made the span and its ledger
}

// Ledger is a fathom.span.ledger record.
type Ledger struct {
	Key       SpanKey
	Process   Process
	Interval  Interval
	Goroutine int64
	Time      ledger.Ledger
	Source    ledger.Source
}

// File is a fathom.file.open or fathom.file.fsync record.
type File struct {
	Key       SpanKey
	Process   Process
	Interval  Interval
	Goroutine int64
	Thread    int64
	Name      string // the record's EventName
	Path      string
	Error     string // error.type, empty for success
}

// Cycle is a fathom.go.gc.cycle record.
type Cycle struct {
	Process  Process
	Interval Interval
	Number   int64
}

// Stop is a fathom.go.stop_the_world record.
type Stop struct {
	Process  Process
	Interval Interval
}

// Records is what one batch of logs brings. Refused are records that a reader
// of the batch could not use.
type Records struct {
	Ledgers []Ledger
	Files   []File
	Cycles  []Cycle
	Stops   []Stop
	Refused []Refusal
}

// Refusal is a record that cannot be joined, and why.
type Refusal struct {
	Kind   Kind
	Reason Reason
}

// Match is everything that the store knows of a span as it leaves.
type Match struct {
	Ledger      *Ledger // nil where none came or the span has its own
	Files       []*File // ordered by their end
	GCOverlap   int64   // nanoseconds of collections of the span's process
	GCCycle     int64   // the last collection that overlapped, 0 for none
	StopOverlap int64   // nanoseconds for which the world was stopped
}

// rank orders spans that cover the same moment: the innermost is the one that
// began last; of those that began together, the one that ended first.
type rank struct {
	interval Interval
	span     pcommon.SpanID
}

// compareRank is negative where a lies within b, by the order of rank.
func compareRank(a, b rank) int {
	return cmp.Or(
		cmp.Compare(b.interval.Start, a.interval.Start),
		cmp.Compare(a.interval.End, b.interval.End),
		bytes.Compare(a.span[:], b.span[:]),
	)
}
