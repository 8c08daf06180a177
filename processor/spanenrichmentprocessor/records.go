// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"math"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// recordReaders lends readers, so that their memory serves the next batch.
type recordReaders struct{ pool sync.Pool }

func (p *recordReaders) get() *recordReader {
	if r, ok := p.pool.Get().(*recordReader); ok {
		return r
	}
	return &recordReader{}
}

// put takes a reader back. Nothing may use its records any more.
func (p *recordReaders) put(r *recordReader) {
	if cap(r.records.Ledgers) > maxLent || cap(r.records.Events) > maxLent || cap(r.records.Facts) > maxLent {
		return // a batch as large as this one comes seldom
	}
	r.records.Reset()
	p.pool.Put(r)
}

// maxLent is the number of records, or spans, up to which memory is kept for the next batch.
const maxLent = 8192

// read copies out of a batch of logs what can be joined, nil where it holds no
// such record: most logs are an application's own.
func (p *recordReaders) read(ld plog.Logs) *recordReader {
	var r *recordReader
	for _, rl := range ld.ResourceLogs().All() {
		known := false
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				kind, name, ok := kindOf(lr.EventName())
				if !ok {
					continue
				}
				if r == nil {
					r = p.get()
				}
				if !known {
					r.process, known = processOf(rl.Resource()), true
				}
				r.read(kind, name, lr)
			}
		}
	}
	return r
}

// kindOf returns a record's kind, and its name as this program has it, so that
// the store keeps no copy of it.
func kindOf(eventName string) (kind join.Kind, name string, ok bool) {
	switch eventName {
	case events.SpanLedger:
		return join.KindLedger, events.SpanLedger, true
	case events.FileOpen:
		return join.KindFile, events.FileOpen, true
	case events.FileFsync:
		return join.KindFile, events.FileFsync, true
	case events.FileRead:
		return join.KindFile, events.FileRead, true
	case events.FileWrite:
		return join.KindFile, events.FileWrite, true
	case events.NetworkConnect:
		return join.KindNetwork, events.NetworkConnect, true
	case events.Lookup:
		return join.KindSetup, events.Lookup, true
	case events.Handshake:
		return join.KindSetup, events.Handshake, true
	case events.RunQueue:
		return join.KindScheduler, events.RunQueue, true
	case events.BlockWait:
		return join.KindScheduler, events.BlockWait, true
	case events.GCCycle:
		return join.KindCycle, events.GCCycle, true
	case events.StopTheWorld:
		return join.KindStop, events.StopTheWorld, true
	case events.CgroupThrottled:
		return join.KindThrottle, events.CgroupThrottled, true
	default:
		return 0, "", false
	}
}

// recordReader collects the records of a batch.
type recordReader struct {
	process join.Process
	records join.Records
}

func (r *recordReader) read(kind join.Kind, name string, lr plog.LogRecord) {
	var ok bool
	switch kind {
	case join.KindLedger:
		ok = r.readLedger(lr)
	case join.KindCycle, join.KindStop, join.KindThrottle:
		ok = r.readFact(kind, lr)
	default:
		ok = r.readEvent(kind, name, lr)
	}
	if !ok { // it lacks what its kind must have
		r.records.Refused = append(r.records.Refused, join.Refusal{Kind: kind, Reason: join.Invalid})
	}
}

// intervalOfRecord is the time that a record tells of, false where it makes no sense.
func intervalOfRecord(lr plog.LogRecord, duration int64) (join.Interval, bool) {
	end := int64(lr.Timestamp())
	return join.Interval{Start: end - duration, End: end}, duration >= 0 && end > 0
}

func keyOf(lr plog.LogRecord) join.SpanKey {
	return join.SpanKey{Trace: lr.TraceID(), Span: lr.SpanID()}
}

func (r *recordReader) readLedger(lr plog.LogRecord) bool {
	var reader ledger.Reader
	duration, goroutine := int64(-1), int64(0)
	var children join.Children
	var allocated join.Allocated
	var assists, blockWait int64
	for name, value := range lr.Attributes().All() {
		switch {
		case reader.Read(name, value):
		case readChildren(&children, name, value):
		case value.Type() != pcommon.ValueTypeInt:
		case name == events.Duration:
			duration = value.Int()
		case name == events.GoroutineID:
			goroutine = value.Int()
		case name == events.AllocatedBytes:
			allocated.Bytes = value.Int()
		case name == events.AllocationSamples:
			allocated.Samples = value.Int()
		case name == events.GCAssists:
			assists = value.Int()
		case name == events.BlockWaitTime:
			blockWait = value.Int()
		}
	}
	interval, sound := intervalOfRecord(lr, duration)
	time, source, has := reader.Ledger()
	if sound && has {
		r.records.Ledgers = append(r.records.Ledgers, join.Ledger{
			Key:       keyOf(lr),
			Process:   r.process,
			Interval:  interval,
			Goroutine: goroutine,
			Allocated: allocated,
			BlockWait: blockWait,
			Assists:   uint32(min(max(assists, 0), math.MaxUint32)),
			Time:      time,
			Source:    source,
			Children:  children,
		})
	}
	return sound && has
}

func (r *recordReader) readFact(kind join.Kind, lr plog.LogRecord) bool {
	duration, ok := intAttribute(lr.Attributes(), events.Duration)
	interval, sound := intervalOfRecord(lr, duration)
	if !ok || !sound {
		return false
	}
	fact := join.Fact{Kind: kind, Process: r.process, Interval: interval}
	if kind == join.KindCycle {
		fact.Cycle, _ = intAttribute(lr.Attributes(), events.GCCycleNumber)
	}
	r.records.Facts = append(r.records.Facts, fact)
	return true
}

// readEvent reads the attributes in one pass: there may be many events.
func (r *recordReader) readEvent(kind join.Kind, name string, lr plog.LogRecord) bool {
	e := join.Event{Kind: kind, Name: name, Key: keyOf(lr), Process: r.process}
	duration := int64(-1)
	for name, value := range lr.Attributes().All() {
		isText := value.Type() == pcommon.ValueTypeStr
		if !isText && value.Type() != pcommon.ValueTypeInt {
			continue
		}
		switch {
		case !isText && name == events.Duration:
			duration = value.Int()
		case !isText && name == events.GoroutineID:
			e.Goroutine = value.Int()
		case !isText && name == events.ThreadID:
			e.Thread = value.Int()
		case !isText && name == events.NetworkPeerPort:
			e.Peer.Port = value.Int()
		case isText && name == events.NetworkPeerAddress:
			e.Peer.Address = value.Str()
		case isText && name == events.FilePath:
			e.Path = value.Str()
		case isText && name == events.ErrorType:
			e.Error = value.Str()
		case isText:
			e.More = append(e.More, join.Attribute{Name: name, Text: value.Str(), IsText: true})
		default:
			e.More = append(e.More, join.Attribute{Name: name, Number: value.Int()})
		}
	}
	var ok bool
	if e.Interval, ok = intervalOfRecord(lr, duration); ok {
		r.records.Events = append(r.records.Events, e)
	}
	return ok
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
