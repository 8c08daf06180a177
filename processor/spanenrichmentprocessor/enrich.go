// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// report says what was written onto spans.
type report struct {
	enriched int64
	cut      int64 // ledgers that were longer than their spans
	excess   int64 // by how much, in nanoseconds
}

// enrich writes a match onto a span. What the span already has stays.
func (r *report) enrich(span ptrace.Span, match *join.Match) {
	changed := r.putLedger(span, match.Ledger)
	changed = putFiles(span, match.Files) || changed
	attributes := span.Attributes()
	changed = putPositive(attributes, events.GCOverlap, match.GCOverlap) || changed
	changed = putPositive(attributes, events.GCCycleNumber, match.GCCycle) || changed
	changed = putPositive(attributes, events.StopTheWorldOverlap, match.StopOverlap) || changed
	if changed {
		r.enriched++
	}
}

// putLedger makes the ledger fit the span's own duration and writes it.
func (r *report) putLedger(span ptrace.Span, l *join.Ledger) bool {
	if l == nil {
		return false
	}
	interval := intervalOf(span)
	fitted := l.Time
	if excess := fitted.Fit(uint64(interval.End - interval.Start)); excess > 0 {
		r.cut++
		r.excess += int64(excess)
	}
	fitted.Put(span.Attributes(), l.Source)
	if l.Goroutine != 0 {
		putAbsent(span.Attributes(), events.GoroutineID, l.Goroutine)
	}
	return true
}

// putFiles adds file events to a span that does not have them yet.
func putFiles(span ptrace.Span, files []*join.File) bool {
	changed := false
	present := presentFiles(span.Events())
	for _, file := range files {
		if len(present) >= join.MaxFiles {
			break
		}
		id := fileID{file.Name, pcommon.Timestamp(file.Interval.End), file.Path}
		if slices.Contains(present, id) {
			continue
		}
		present = append(present, id)
		putFile(span.Events().AppendEmpty(), file)
		changed = true
	}
	return changed
}

// fileID tells a span's file events apart.
type fileID struct {
	name string
	at   pcommon.Timestamp
	path string
}

func presentFiles(list ptrace.SpanEventSlice) []fileID {
	var present []fileID
	for _, event := range list.All() {
		if name := event.Name(); name == events.FileOpen || name == events.FileFsync {
			present = append(present, fileID{name, event.Timestamp(), stringAttribute(event.Attributes(), events.FilePath)})
		}
	}
	return present
}

func putFile(event ptrace.SpanEvent, file *join.File) {
	event.SetName(file.Name)
	event.SetTimestamp(pcommon.Timestamp(file.Interval.End))
	attributes := event.Attributes()
	attributes.PutStr(events.FilePath, file.Path)
	attributes.PutInt(events.Duration, file.Interval.End-file.Interval.Start)
	if file.Goroutine != 0 {
		attributes.PutInt(events.GoroutineID, file.Goroutine)
	}
	if file.Thread != 0 {
		attributes.PutInt(events.ThreadID, file.Thread)
	}
	if file.Error != "" {
		attributes.PutStr(events.ErrorType, file.Error)
	}
}

func putPositive(attributes pcommon.Map, name string, value int64) bool {
	return value > 0 && putAbsent(attributes, name, value)
}

// putAbsent writes an attribute that is not there yet: a span that passes
// twice is enriched once.
func putAbsent(attributes pcommon.Map, name string, value int64) bool {
	if _, present := attributes.Get(name); present {
		return false
	}
	attributes.PutInt(name, value)
	return true
}
