// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// readRecords copies out of a batch of logs what can be joined, nil where it
// holds no such record: most logs are an application's own.
func readRecords(ld plog.Logs) *join.Records {
	var r *recordReader
	for _, rl := range ld.ResourceLogs().All() {
		known := false
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				kind, ok := kindOf(lr.EventName())
				if !ok {
					continue
				}
				if r == nil {
					r = &recordReader{}
				}
				if !known {
					r.process, known = processOf(rl.Resource()), true
				}
				r.read(kind, lr)
			}
		}
	}
	if r == nil {
		return nil
	}
	return &r.records
}

func kindOf(eventName string) (join.Kind, bool) {
	switch eventName {
	case events.SpanLedger:
		return join.KindLedger, true
	case events.FileOpen, events.FileFsync:
		return join.KindFile, true
	case events.GCCycle:
		return join.KindCycle, true
	case events.StopTheWorld:
		return join.KindStop, true
	default:
		return 0, false
	}
}

// recordReader collects the records of a batch.
type recordReader struct {
	process join.Process
	records join.Records
}

func (r *recordReader) read(kind join.Kind, lr plog.LogRecord) {
	attributes := lr.Attributes()
	duration, ok := intAttribute(attributes, events.Duration)
	end := int64(lr.Timestamp())
	interval := join.Interval{Start: end - duration, End: end}
	if !ok || duration < 0 || end <= 0 {
		r.refuse(kind)
		return
	}
	switch kind {
	case join.KindLedger:
		r.readLedger(lr, interval)
	case join.KindFile:
		r.readFile(lr, interval)
	case join.KindCycle:
		number, _ := intAttribute(attributes, events.GCCycleNumber)
		r.records.Cycles = append(r.records.Cycles, join.Cycle{Process: r.process, Interval: interval, Number: number})
	case join.KindStop:
		r.records.Stops = append(r.records.Stops, join.Stop{Process: r.process, Interval: interval})
	}
}

// refuse counts a record that lacks what its kind must have.
func (r *recordReader) refuse(kind join.Kind) {
	r.records.Refused = append(r.records.Refused, join.Refusal{Kind: kind, Reason: join.Invalid})
}

func (r *recordReader) readLedger(lr plog.LogRecord, interval join.Interval) {
	spent, source, ok := ledger.FromAttributes(lr.Attributes())
	if !ok {
		r.refuse(join.KindLedger)
		return
	}
	goroutine, _ := intAttribute(lr.Attributes(), events.GoroutineID)
	r.records.Ledgers = append(r.records.Ledgers, join.Ledger{
		Key:       join.SpanKey{Trace: lr.TraceID(), Span: lr.SpanID()},
		Process:   r.process,
		Interval:  interval,
		Goroutine: goroutine,
		Time:      spent,
		Source:    source,
	})
}

func (r *recordReader) readFile(lr plog.LogRecord, interval join.Interval) {
	attributes := lr.Attributes()
	goroutine, _ := intAttribute(attributes, events.GoroutineID)
	thread, _ := intAttribute(attributes, events.ThreadID)
	r.records.Files = append(r.records.Files, join.File{
		Key:       join.SpanKey{Trace: lr.TraceID(), Span: lr.SpanID()},
		Process:   r.process,
		Interval:  interval,
		Goroutine: goroutine,
		Thread:    thread,
		Name:      lr.EventName(),
		Path:      stringAttribute(attributes, events.FilePath),
		Error:     stringAttribute(attributes, events.ErrorType),
	})
}

// intAttribute returns an integer attribute, false where there is none.
func intAttribute(attributes pcommon.Map, name string) (int64, bool) {
	value, ok := attributes.Get(name)
	if !ok || value.Type() != pcommon.ValueTypeInt {
		return 0, false
	}
	return value.Int(), true
}

func stringAttribute(attributes pcommon.Map, name string) string {
	value, ok := attributes.Get(name)
	if !ok || value.Type() != pcommon.ValueTypeStr {
		return ""
	}
	return value.Str()
}
