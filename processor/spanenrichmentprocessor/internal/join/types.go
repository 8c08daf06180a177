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
	Allocated Allocated
	BlockWait int64 // for which the span's thread waited for block devices, ns
	Time      ledger.Ledger
	Assists   uint32 // how often the span marked for the collector
	Source    ledger.Source
	Children  Children
}

// Children are the goroutines that were started within a span or took work of it.
type Children struct {
	Count     int64 // of those that were started
	HandOvers int64 // values that were taken as its work
	Critical  int64 // the goroutine that the span waited for longest; 0 for none
	Wait      int64 // of the span, in nanoseconds
	// Time is what the critical goroutine had done until then.
	Time ledger.Ledger
}

// Allocated is what a span's goroutine allocated while it lasted, by as many
// samples of the runtime; the zero value where none was taken.
type Allocated struct{ Bytes, Samples int64 }

// Event is a record that becomes a span event: what a thread did, or waited
// for, while it ran a goroutine.
type Event struct {
	Kind      Kind
	Key       SpanKey
	Process   Process
	Interval  Interval
	Goroutine int64
	Thread    int64
	Name      string // the record's EventName
	Path      string // file.path, of file events
	Peer      Peer   // network.peer.*, of network events
	Error     string // error.type, empty for success
	More      []Attribute
}

// Attribute is any other attribute of a record, a text or a number.
type Attribute struct {
	Name   string
	Text   string
	Number int64
	IsText bool
}

// Peer is the other end of a connection. The port is 0 where none is known.
type Peer struct {
	Address string
	Port    int64
}

// Fact is a record of what held for a whole process: a collection, a stop of
// the world, a time in which its cgroup was throttled.
type Fact struct {
	Kind     Kind
	Process  Process
	Interval Interval
	Cycle    int64 // the number of a collection
}

// Records is what one batch of logs brings. Refused are records that a reader
// of the batch could not use.
type Records struct {
	Ledgers []Ledger
	Events  []Event
	Facts   []Fact
	Refused []Refusal
}

// Reset empties the batch, to be filled again. The store keeps nothing of it.
func (r *Records) Reset() {
	clear(r.Ledgers)
	clear(r.Events)
	clear(r.Facts)
	r.Ledgers, r.Events, r.Facts, r.Refused = r.Ledgers[:0], r.Events[:0], r.Facts[:0], r.Refused[:0]
}

// Refusal is a record that cannot be joined, and why.
type Refusal struct {
	Kind   Kind
	Reason Reason
}

// Match is everything that the store knows of a span as it leaves.
type Match struct {
	Ledger          *Ledger  // nil where none came or the span has its own
	Events          []*Event // the MaxEvents longest, ordered by their end
	Agreed          Agreed
	GCOverlap       int64 // nanoseconds of collections of the span's process
	GCCycle         int64 // the last collection that overlapped, 0 for none
	StopOverlap     int64 // nanoseconds for which the world was stopped
	ThrottleOverlap int64 // nanoseconds for which the process's cgroup was throttled
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
