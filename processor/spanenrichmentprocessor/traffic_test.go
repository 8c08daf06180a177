// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

// mix is in which order spans and their records come, in percent of the spans.
type mix struct {
	short  string
	name   string
	before int // their records come first, as usual: SDKs batch
	after  int // they come before their records, which come within the wait
	late   int // and these come after it
	// The records of all others never come.
}

var (
	mixBefore = mix{"before", "records before their spans", 100, 0, 0}
	mixAfter  = mix{"after", "records after their spans", 0, 100, 0}
	mixNever  = mix{"never", "no record of any span", 0, 0, 0}
	mixed     = mix{"mixed", "60 % before, 25 % after, 5 % late, 10 % never", 60, 25, 5}
)

const (
	trafficServices  = 40
	trafficProcesses = 200 // five of each service, each on a host of its own
	spansOfTrace     = 4   // each in another process
	recordsOfSpan    = 2
)

// call is one batch on its way into the processor, at a time since the start.
type call struct {
	at     time.Duration
	traces ptrace.Traces // or
	logs   plog.Logs
	isLogs bool
}

// traffic makes what agents and SDKs send, second by second: spans of
// interleaved traces, exported once a second by each process, and records, sent
// every 10 ms: for each span a ledger or what stands for it, and another record.
type traffic struct {
	mix     mix
	rate    int // spans a second
	random  *rand.Rand
	begin   time.Time
	second  int
	pending []call // of seconds to come
}

func newTraffic(mix mix, rate int, begin time.Time) *traffic {
	return &traffic{mix: mix, rate: rate, begin: begin, random: rand.New(rand.NewPCG(1, 2))}
}

// next returns the calls of the next second, in their order.
func (g *traffic) next() []call {
	start := time.Duration(g.second) * time.Second
	g.second++
	g.generate(start)
	slices.SortStableFunc(g.pending, func(a, b call) int { return cmp.Compare(a.at, b.at) })
	due, _ := slices.BinarySearchFunc(g.pending, start+time.Second, func(c call, at time.Duration) int { return cmp.Compare(c.at, at) })
	calls := slices.Clone(g.pending[:due])
	g.pending = slices.Clone(g.pending[due:])
	return calls
}

// generate makes a second of spans, each exported within the next second, and
// their records.
func (g *traffic) generate(start time.Duration) {
	exports := make([]spanBatchOf, trafficProcesses)
	ticks := map[time.Duration]*recordBatchOf{}
	for n := range g.rate / spansOfTrace {
		began := start + time.Duration(n)*time.Second/time.Duration(g.rate/spansOfTrace)
		trace := g.traceID()
		first := g.random.IntN(trafficProcesses)
		for i := range spansOfTrace {
			process := (first + 7*i) % trafficProcesses
			s := trafficSpan{
				trace: trace, id: byte(i + 1), process: process, goroutine: int64(1000 + n%500),
				start: g.begin.Add(began + time.Duration(i)*time.Millisecond),
				end:   g.begin.Add(began + time.Duration(10-i)*time.Millisecond),
			}
			exported := start + time.Second + time.Duration(process)*time.Second/trafficProcesses
			exports[process].add(&s)
			g.record(ticks, &s, began+12*time.Millisecond, exported)
		}
	}
	for process := range exports {
		exported := start + time.Second + time.Duration(process)*time.Second/trafficProcesses
		g.pending = append(g.pending, call{at: exported, traces: exports[process].td})
	}
	for tick, batch := range ticks {
		g.pending = append(g.pending, call{at: tick, logs: batch.ld, isLogs: true})
	}
}

// record adds two records for a span, where they belong in time.
func (g *traffic) record(ticks map[time.Duration]*recordBatchOf, s *trafficSpan, seen, exported time.Duration) {
	draw := g.random.IntN(100)
	at := seen
	switch {
	case draw < g.mix.before:
	case draw < g.mix.before+g.mix.after:
		at = exported + time.Duration(20+g.random.IntN(300))*time.Millisecond
	case draw < g.mix.before+g.mix.after+g.mix.late:
		at = exported + 800*time.Millisecond
	default:
		other := *s
		other.trace = g.traceID() // it is of a trace that never comes, one sampled out, say
		s = &other
	}
	at = at.Truncate(10 * time.Millisecond)
	batch := ticks[at]
	if batch == nil {
		batch = newRecordBatch()
		ticks[at] = batch
	}
	records := batch.of(s.process)
	trafficLedger(records, s)
	switch g.random.IntN(20) {
	case 0:
		trafficFact(records, s, events.GCCycle)
	case 1:
		trafficFact(records, s, events.StopTheWorld)
	case 2, 3: // of an inner span that is not exported
		trafficEvent(records, s, s.id+100, g.random.IntN(3))
	default:
		trafficEvent(records, s, s.id, g.random.IntN(3))
	}
}

func (g *traffic) traceID() (id pcommon.TraceID) {
	binary.LittleEndian.PutUint64(id[:8], g.random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], g.random.Uint64()|1)
	return id
}

type trafficSpan struct {
	trace      pcommon.TraceID
	id         byte
	process    int
	goroutine  int64
	start, end time.Time
}

func putTrafficResource(attributes pcommon.Map, process int) {
	attributes.PutStr("service.name", fmt.Sprintf("service-%d", process%trafficServices))
	attributes.PutInt("process.pid", int64(1000+process/trafficServices))
	attributes.PutStr("host.id", fmt.Sprintf("host-%d", process/trafficServices))
	attributes.PutStr("process.runtime.name", "go")
	attributes.PutStr("deployment.environment.name", "production")
}

// spanBatchOf is one export of one process.
type spanBatchOf struct {
	td    ptrace.Traces
	spans ptrace.SpanSlice
	count int
}

func (b *spanBatchOf) add(s *trafficSpan) {
	if b.count++; b.count == 1 {
		b.td = ptrace.NewTraces()
		rs := b.td.ResourceSpans().AppendEmpty()
		putTrafficResource(rs.Resource().Attributes(), s.process)
		b.spans = rs.ScopeSpans().AppendEmpty().Spans()
	}
	span := b.spans.AppendEmpty()
	span.SetName("GET /checkout/{id}")
	span.SetKind([]ptrace.SpanKind{ptrace.SpanKindServer, ptrace.SpanKindInternal, ptrace.SpanKindClient}[int(s.id)%3])
	span.SetTraceID(s.trace)
	span.SetSpanID(pcommon.SpanID{7: s.id})
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(s.start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(s.end))
	for _, name := range []string{"http.request.method", "http.route", "url.scheme", "url.path", "server.address", "user_agent.original", "client.address", "network.protocol.version"} {
		span.Attributes().PutStr(name, "a value of some length")
	}
	span.Attributes().PutInt("http.response.status_code", 200)
	span.Attributes().PutInt("server.port", 8080)
}

// recordBatchOf is what an agent sends at once, under the resource of each process.
type recordBatchOf struct {
	ld        plog.Logs
	processes map[int]plog.LogRecordSlice
}

func newRecordBatch() *recordBatchOf {
	return &recordBatchOf{ld: plog.NewLogs(), processes: map[int]plog.LogRecordSlice{}}
}

func (b *recordBatchOf) of(process int) plog.LogRecordSlice {
	records, ok := b.processes[process]
	if !ok {
		rl := b.ld.ResourceLogs().AppendEmpty()
		putTrafficResource(rl.Resource().Attributes(), process)
		records = rl.ScopeLogs().AppendEmpty().LogRecords()
		b.processes[process] = records
	}
	return records
}

func trafficRecord(records plog.LogRecordSlice, name string, start, end time.Time) plog.LogRecord {
	record := records.AppendEmpty()
	record.SetEventName(name)
	record.SetTimestamp(pcommon.NewTimestampFromTime(end))
	record.Attributes().PutInt(events.Duration, end.Sub(start).Nanoseconds())
	return record
}

func trafficLedger(records plog.LogRecordSlice, s *trafficSpan) {
	record := trafficRecord(records, events.SpanLedger, s.start, s.end)
	record.SetTraceID(s.trace)
	record.SetSpanID(pcommon.SpanID{7: s.id})
	record.Attributes().PutInt(events.GoroutineID, s.goroutine)
	duration := uint64(s.end.Sub(s.start))
	spent := ledger.Ledger{ledger.OnCPU: duration / 4, ledger.Runnable: duration / 8, ledger.BlockedNetwork: duration / 2}
	spent.Fit(duration)
	spent.Put(record.Attributes(), ledger.Exact)
}

func trafficEvent(records plog.LogRecordSlice, s *trafficSpan, id byte, which int) {
	name := []string{events.FileFsync, events.NetworkConnect, events.RunQueue}[which]
	start := s.start.Add(time.Duration(which+1) * time.Millisecond / 2)
	record := trafficRecord(records, name, start, start.Add(time.Millisecond))
	record.SetTraceID(s.trace)
	record.SetSpanID(pcommon.SpanID{7: id})
	attributes := record.Attributes()
	attributes.PutInt(events.GoroutineID, s.goroutine)
	attributes.PutInt(events.ThreadID, s.goroutine)
	switch name {
	case events.FileFsync:
		attributes.PutStr(events.FilePath, "/var/lib/shop/segments/00000017.wal")
	case events.NetworkConnect:
		attributes.PutStr(events.NetworkPeerAddress, "10.42.7.19")
		attributes.PutInt(events.NetworkPeerPort, 5432)
	}
}

func trafficFact(records plog.LogRecordSlice, s *trafficSpan, name string) {
	record := trafficRecord(records, name, s.start.Add(time.Millisecond), s.start.Add(1100*time.Microsecond))
	if name == events.GCCycle {
		record.Attributes().PutInt(events.GCCycleNumber, s.start.UnixMilli())
	}
}
