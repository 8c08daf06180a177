// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// The aim: the spans a second that one core is to join, each with its records.
const aim = 100_000

// BenchmarkOneCore sends seconds of traffic through both pipelines, as fast as
// they take it, and prints what a span and a record cost. Run it with -cpu 1.
// The time is CPU time of the whole process. Each second begins after a collection
// and allocates less than what starts the next: marking is hardly in it.
func BenchmarkOneCore(b *testing.B) {
	var rates []rate
	for _, mix := range []mix{mixBefore, mixAfter, mixNever, mixed} {
		var r rate
		b.Run(mix.short, func(b *testing.B) { r = measureRate(b, mix) })
		if r.seconds > 0 {
			rates = append(rates, r)
		}
	}
	printRates(os.Stdout, rates)
}

// cost is what the process used.
type cost struct {
	cpu            time.Duration
	objects, bytes int64
}

func (c cost) minus(d cost) cost {
	return cost{c.cpu - d.cpu, c.objects - d.objects, c.bytes - d.bytes}
}
func (c cost) plus(d cost) cost { return cost{c.cpu + d.cpu, c.objects + d.objects, c.bytes + d.bytes} }

// meter reads what the process used so far.
type meter [2]metrics.Sample

func newMeter() *meter {
	return &meter{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
}

func (m *meter) read(tb testing.TB) cost {
	metrics.Read(m[:])
	var cpu unix.Timespec
	require.NoError(tb, unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &cpu))
	return cost{time.Duration(cpu.Nano()), int64(m[0].Value.Uint64()), int64(m[1].Value.Uint64())}
}

// rate is what seconds of traffic cost.
type rate struct {
	mix              string
	seconds          int
	spans, records   int64
	onSpans, onLogs  cost
	memory           int64 // bytes, the most
	received, joined int64
}

// measureRate lets the store become as full as it will before it measures.
func measureRate(b *testing.B, mix mix) rate {
	const warmUp = 3 // seconds
	config := createDefaultConfig().(*Config)
	config.MemoryMiB = 512
	p, m := newRated(b, config), newMeter()
	generator := newTraffic(mix, aim, p.begin)
	for range warmUp {
		for _, c := range generator.next() {
			p.send(b, &c)
		}
	}
	r := rate{mix: mix.name, seconds: b.N}
	before := p.enrichment.tally()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		calls := generator.next()
		runtime.GC()
		b.StartTimer()
		r.measure(b, p, m, calls)
	}
	b.StopTimer()
	r.count(before, p.enrichment.tally())
	r.report(b)
	return r
}

// measure makes the calls. What is used outside of a call, by the goroutine that
// sends held spans and by the collector, counts to the spans.
func (r *rate) measure(b *testing.B, p *rated, m *meter, calls []call) {
	start, onLogs := m.read(b), cost{}
	for i := range calls {
		c := &calls[i]
		if !c.isLogs {
			r.spans += int64(c.traces.SpanCount())
			p.send(b, c)
			runtime.Gosched()
			continue
		}
		from := m.read(b)
		p.send(b, c)
		onLogs = onLogs.plus(m.read(b).minus(from))
		runtime.Gosched()
		r.records += int64(c.logs.LogRecordCount())
		r.memory = max(r.memory, p.enrichment.tally().Bytes)
	}
	r.onLogs = r.onLogs.plus(onLogs)
	r.onSpans = r.onSpans.plus(m.read(b).minus(start).minus(onLogs))
}

// count takes the share of records that were joined out of two tallies.
func (r *rate) count(before, after join.Tally) {
	for kind := range join.NumKinds {
		r.received += after.Received[kind] - before.Received[kind]
		for key := range join.NumKeys {
			r.joined += after.Matched[kind][key] - before.Matched[kind][key]
		}
	}
}

func (r *rate) nsSpan() float64   { return float64(r.onSpans.cpu) / float64(r.spans) }
func (r *rate) nsRecord() float64 { return float64(r.onLogs.cpu) / float64(r.records) }

// core is the share of a core that the aim takes.
func (r *rate) core() float64 { return aim * (r.nsSpan() + recordsOfSpan*r.nsRecord()) / 1e9 }

func (r *rate) report(b *testing.B) {
	b.ReportMetric(r.nsSpan(), "ns/span")
	b.ReportMetric(r.nsRecord(), "ns/record")
	b.ReportMetric(aim/r.core(), "spans/s/core")
	b.ReportMetric(recordsOfSpan*aim/r.core(), "records/s/core")
}

func printRates(to io.Writer, rates []rate) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nmix\tns a span\tns a record\tallocs a span\tB a span\tallocs a record\tB a record\tspans/s a core\trecords/s a core\tcore at the aim\tjoined\tmemory")
	for i := range rates {
		r := &rates[i]
		spans, records := float64(r.spans), float64(r.records)
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f\t%.0f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f %%\t%.0f %%\t%d MiB\n", r.mix, r.nsSpan(), r.nsRecord(),
			float64(r.onSpans.objects)/spans, float64(r.onSpans.bytes)/spans, float64(r.onLogs.objects)/records, float64(r.onLogs.bytes)/records,
			aim/r.core(), recordsOfSpan*aim/r.core(), 100*r.core(), 100*float64(r.joined)/float64(r.received), r.memory>>20)
	}
	_ = w.Flush() // to a terminal
}
