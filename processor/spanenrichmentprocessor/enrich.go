// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
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
	if n := attributesOf(match); n > 0 {
		span.Attributes().EnsureCapacity(span.Attributes().Len() + n)
	}
	changed := r.putLedger(span, match.Ledger)
	changed = putEvents(span, match.Events) || changed
	changed = complete(span, &match.Agreed) || changed
	attributes := span.Attributes()
	changed = putPositive(attributes, events.GCOverlap, match.GCOverlap) || changed
	changed = putPositive(attributes, events.GCCycleNumber, match.GCCycle) || changed
	changed = putPositive(attributes, events.StopTheWorldOverlap, match.StopOverlap) || changed
	changed = putPositive(attributes, events.CgroupThrottledOverlap, match.ThrottleOverlap) || changed
	if changed {
		r.enriched++
	}
}

// attributesOf is how many attributes a match adds, beside those that complete
// the span.
func attributesOf(match *join.Match) (n int) {
	if match.Ledger != nil {
		n = 4 // unattributed, dominant, source, goroutine
		if match.Ledger.Children.Count > 0 || match.Ledger.Children.HandOvers > 0 {
			n += 7
		}
		if match.Ledger.Allocated.Samples > 0 {
			n += 2
		}
		for _, spent := range [...]int64{int64(match.Ledger.Assists), match.Ledger.BlockWait} {
			if spent > 0 {
				n++
			}
		}
		for cause, ns := range match.Ledger.Time {
			if ns > 0 && ledger.Cause(cause) != ledger.Unattributed {
				n++
			}
		}
	}
	for _, ns := range [...]int64{match.GCOverlap, match.GCCycle, match.StopOverlap, match.ThrottleOverlap} {
		if ns > 0 {
			n++
		}
	}
	return n
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
	putChildren(span.Attributes(), &l.Children)
	if putPositive(span.Attributes(), events.AllocationSamples, l.Allocated.Samples) {
		putAbsent(span.Attributes(), events.AllocatedBytes, l.Allocated.Bytes)
	}
	putPositive(span.Attributes(), events.GCAssists, int64(l.Assists))
	putPositive(span.Attributes(), events.BlockWaitTime, l.BlockWait)
	return true
}

func putPositive(attributes pcommon.Map, name string, value int64) bool {
	return value > 0 && putAbsent(attributes, name, value)
}

// putAbsent writes an attribute that is not there yet: a span that passes
// twice is enriched once.
func putAbsent(attributes pcommon.Map, name string, value int64) bool {
	attribute, present := attributes.GetOrPutEmpty(name)
	if !present {
		attribute.SetInt(value)
	}
	return !present
}
