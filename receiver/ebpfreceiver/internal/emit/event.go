// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// addEvent fills what all events have.
func (b *Batch) addEvent(log plog.LogRecord, name string, h *record.Header) {
	log.SetEventName(name)
	log.SetTimestamp(b.clock.Wall(h.End))
	log.SetObservedTimestamp(b.clock.Wall(h.End))
	log.SetSeverityNumber(plog.SeverityNumberInfo)
	log.SetSeverityText("INFO")
	log.SetTraceID(h.TraceID)
	log.SetSpanID(h.SpanID)
	log.Attributes().PutInt(events.Duration, int64(h.End-h.Start))
	if h.GoroutineID != 0 {
		log.Attributes().PutInt(events.GoroutineID, int64(h.GoroutineID))
	}
	putInherited(log.Attributes(), h)
}

func putInherited(attributes pcommon.Map, h *record.Header) {
	if inherited := h.Inherited.String(); inherited != "" {
		attributes.PutStr(events.TraceInherited, inherited)
	}
}

// addLedger tells the time ledger of a span that an SDK made.
func (b *Batch) addLedger(log plog.LogRecord, s *record.Span, source ledger.Source) {
	b.addEvent(log, events.SpanLedger, &s.Header)
	s.Ledger.Put(log.Attributes(), source)
	putChildren(log.Attributes(), s)
	putSpent(log.Attributes(), s)
}

// putChildren tells of the goroutines that were started within a span or took work
// of it.
func putChildren(attributes pcommon.Map, s *record.Span) {
	if s.Goroutines > 0 {
		attributes.PutInt(events.Goroutines, int64(s.Goroutines))
	}
	if s.HandOvers > 0 {
		attributes.PutInt(events.HandOvers, int64(s.HandOvers))
	}
	if c := &s.Critical; c.GoroutineID != 0 {
		attributes.PutInt(events.CriticalGoroutineID, int64(c.GoroutineID))
		attributes.PutInt(events.CriticalWait, int64(c.Wait))
		dominant, ns := c.Ledger.Dominant()
		attributes.PutInt(events.CriticalAge, int64(c.Ledger.Total()))
		attributes.PutStr(events.CriticalDominant, dominant.String())
		attributes.PutInt(events.CriticalDominantTime, int64(ns))
		c.Ledger.PutCritical(attributes)
	}
}

func (b *Batch) addFile(log plog.LogRecord, f *record.File) {
	b.addEvent(log, fileEvent(f.Operation), &f.Header)
	attributes := log.Attributes()
	attributes.PutStr(events.FilePath, f.Path)
	attributes.PutInt(events.ThreadID, int64(f.TID))
	if f.Error != 0 {
		attributes.PutStr(events.ErrorType, unix.ErrnoName(f.Error))
	} else if f.Operation == record.FileRead || f.Operation == record.FileWrite {
		attributes.PutInt(events.FileBytes, int64(f.Bytes))
	}
}

func fileEvent(operation record.FileOperation) string {
	switch operation {
	case record.FileFsync:
		return events.FileFsync
	case record.FileRead:
		return events.FileRead
	case record.FileWrite:
		return events.FileWrite
	default:
		return events.FileOpen
	}
}

func (b *Batch) addStop(log plog.LogRecord, s *record.Stop) {
	b.addEvent(log, events.StopTheWorld, &s.Header)
	attributes := log.Attributes()
	attributes.PutStr(events.StopTheWorldReason, s.Reason.String())
	if s.Stopped > s.Start {
		attributes.PutInt(events.StopTheWorldStopping, int64(s.Stopped-s.Start))
	}
	if s.GCCycle != 0 && (s.Reason == record.StopGCMarkTermination || s.Reason == record.StopGCSweepTermination) {
		attributes.PutInt(events.GCCycleNumber, int64(s.GCCycle))
	}
}

func (b *Batch) addCycle(log plog.LogRecord, c Cycle) {
	h := record.Header{Start: c.Start, End: c.End}
	b.addEvent(log, events.GCCycle, &h)
	attributes := log.Attributes()
	attributes.PutInt(events.GCStopTheWorld, int64(c.Stopped))
	if c.Number != 0 {
		attributes.PutInt(events.GCCycleNumber, int64(c.Number))
	}
}
