// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/tally"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// sum of a metric's newest data points that have an attribute; no key: of all.
func (h *harness) sum(name, key, value string) float64 {
	metrics, _ := h.newestMetrics(name)
	metric, ok := metrics[name]
	if !ok {
		return 0
	}
	total := 0.0
	for _, point := range metric.Sum().DataPoints().All() {
		if got, _ := point.Attributes().Get(key); key != "" && got.Str() != value {
			continue
		}
		if point.ValueType() == pmetric.NumberDataPointValueTypeDouble {
			total += point.DoubleValue()
		} else {
			total += float64(point.IntValue())
		}
	}
	return total
}

// written and read are bytes.
func (h *harness) written() float64 { return h.sum("process.disk.io", tally.Direction, "write") }
func (h *harness) read() float64    { return h.sum("process.disk.io", tally.Direction, "read") }

// waitsOf are the waits for block devices within a span.
func (h *harness) waitsOf(span seenSpan) (waits []seenLog, total int64) {
	for _, event := range h.events(events.BlockWait) {
		if event.SpanID() == span.SpanID() {
			waits = append(waits, event)
			total += event.Attributes().AsRaw()[events.Duration].(int64)
		}
	}
	return waits, total
}

// The disk of the machine itself: the folder of tests must be on one.
func TestWaitsForBlockDevices(t *testing.T) {
	for _, mode := range []string{ModeExact, ModeSampled} {
		t.Run(mode, func(t *testing.T) {
			binary := targettest.Build(t)
			h := observe(t, func(c *Config) { c.Events.Block.MinDuration, c.Ledger.Mode = 0, mode }, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			path := filepath.Join(t.TempDir(), "data")

			// What others write back is not the process's.
			body, _, err := target.Get("/buffered?path="+path, fromCaller("01"))
			require.NoError(t, err)
			require.Empty(t, body)
			unix.Sync()
			buffered := h.awaitSpan("/buffered")
			time.Sleep(2 * h.receiver.config.Runtime.Interval)
			_, waited := h.waitsOf(buffered)
			t.Logf("without a sync: wrote %v bytes, waited for %v", h.written(), time.Duration(waited))
			require.Less(t, h.written(), float64(1<<20), "of 8 MiB")

			_, _, err = target.Get("/fsync?path="+path, fromCaller("01"))
			require.NoError(t, err)
			synced := h.awaitSpan("/fsync")
			var waits []seenLog
			require.Eventually(t, func() bool {
				waits, waited = h.waitsOf(synced)
				return len(waits) > 0 && h.written() > 1<<20
			}, patience, tick)
			told := synced.Attributes().AsRaw()
			t.Logf("with one: wrote %v bytes, waited %d times for %v of %v", h.written(), len(waits), time.Duration(waited), synced.EndTimestamp().AsTime().Sub(synced.StartTimestamp().AsTime()))
			require.EqualValues(t, waited, told[events.BlockWaitTime], "the events are all of it")
			require.LessOrEqual(t, waited, int64(synced.EndTimestamp()-synced.StartTimestamp()))
			if mode == ModeExact {
				require.LessOrEqual(t, waited, told["fathom.time.syscall.file"].(int64)+told["fathom.time.os_runqueue"].(int64))
			}
			for _, wait := range waits {
				requireOnSpan(t, wait, synced)
				require.Positive(t, wait.Attributes().AsRaw()[events.ThreadID])
			}
			h.requireDirectReads(target, path)
		})
	}
}

// requireDirectReads compares what is told of reads with what was read.
func (h *harness) requireDirectReads(target *targettest.Target, path string) {
	h.t.Helper()
	t, before := h.t, h.read()
	body, _, err := target.Get("/direct?path="+path, fromCaller("01"))
	require.NoError(t, err)
	require.Empty(t, body)
	span := h.awaitSpan("/direct")
	require.Eventually(t, func() bool { return h.read()-before >= 1<<20 }, patience, tick)
	waits, waited := h.waitsOf(span)
	t.Logf("read %v bytes of 1 MiB, waited %d times for %v", h.read()-before, len(waits), time.Duration(waited))
	require.Less(t, h.read()-before, 1.5*(1<<20), "some more are the file system's own")
	require.NotEmpty(t, waits, "of 16 reads; a fast device may be done with many before the thread sleeps")

	metrics, _ := h.newestMetrics("process.disk.io")
	for _, definition := range tally.Definitions()[:5] {
		require.Contains(t, metrics, definition.Name)
		require.Equal(t, definition.Unit, metrics[definition.Name].Unit())
		require.Positive(t, h.sum(definition.Name, "", ""))
	}
	device, _ := metrics["process.disk.io"].Sum().DataPoints().At(0).Attributes().Get(tally.Device)
	_, err = os.Stat("/sys/block/" + device.Str())
	require.NoError(t, err)
	require.Zero(t, h.counter("kernel_records_dropped", "reason", "disk_requests_full"))
}

func TestSignals(t *testing.T) {
	binary := targettest.Build(t)
	const realTime, sent = syscall.Signal(40), 200 // one of those that are queued, each by itself
	h := observe(t, func(c *Config) { c.Events.Signals.MinCount = sent / 2 }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for range sent {
		require.NoError(t, syscall.Kill(target.PID, realTime))
	}
	require.NoError(t, syscall.Kill(target.PID, syscall.SIGURG), "as of a socket: the runtime does not use kill")
	const all, preempted = "fathom.process.signals", "fathom.go.preemptions"
	require.Eventually(t, func() bool {
		_, _, err := target.Get("/burn?ms=100", nil) // more than the 10 ms after which the runtime preempts
		return err == nil && h.sum(all, events.SignalName, "signal 40") == sent && h.sum(preempted, "", "") > 0
	}, patience, tick)
	h.stop() // all of one reading is there
	t.Logf("SIGURG: %v, preemptions: %v", h.sum(all, events.SignalName, "SIGURG"), h.sum(preempted, "", ""))
	require.EqualValues(t, h.sum(preempted, "", "")+1, h.sum(all, events.SignalName, "SIGURG"))
	storms := h.events(events.SignalStorm)
	require.NotEmpty(t, storms)
	attributes := storms[0].Attributes().AsRaw()
	require.Equal(t, "signal 40", attributes[events.SignalName])
	require.GreaterOrEqual(t, attributes[events.SignalCount], int64(sent/2))
	require.LessOrEqual(t, attributes[events.SignalCount], int64(sent))
	require.Zero(t, attributes[events.SignalPreemptions])
	require.True(t, storms[0].TraceID().IsEmpty())
	require.EqualValues(t, target.PID, storms[0].resource.AsRaw()["process.pid"])
}

// How often a span marked for the collector, beside for how long.
func TestAssistsAreCounted(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary, "GOGC=5", "GOMAXPROCS=1")
	h.awaitAttached(1)
	assisted := 0
	require.Eventually(t, func() bool {
		_, _, err := target.Get("/allocate?n=20000&size=1024", nil)
		if err != nil {
			return false
		}
		assisted = 0
		for _, ledger := range h.events(events.SpanLedger) {
			attributes := ledger.Attributes().AsRaw()
			assists, _ := attributes[events.GCAssists].(int64)
			spent, _ := attributes["fathom.time.gc_assist"].(int64)
			if assists > 0 {
				assisted++
				require.Positive(t, spent, "%d assists took time", assists)
				t.Logf("%d assists took %v", assists, time.Duration(spent))
			}
		}
		return assisted > 0
	}, patience, tick)
}

// What was counted goes on over a reload, and begins anew where that counts something
// else: of what is not counted any more nothing is told.
func TestCountsOverReloads(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	path := filepath.Join(t.TempDir(), "data")
	const number = syscall.Signal(40)
	r := newReloads(t)
	to := func(counted bool) *harness {
		h := r.to(func(c *Config) { c.Events.Signals.Enabled = counted }, TargetConfig{Executable: binary})
		h.until(target, "/sleep/1", func() bool { return len(h.spans()) > 0 })
		return h
	}
	signalled := func(h *harness) float64 { return h.sum("fathom.process.signals", events.SignalName, "signal 40") }
	send := func(n int) {
		for range n {
			require.NoError(t, syscall.Kill(target.PID, number))
		}
	}
	h := to(true)
	send(50)
	require.Eventually(t, func() bool { return signalled(h) == 50 }, patience, tick)
	h = to(true)
	require.Eventually(t, func() bool { return signalled(h) == 50 }, patience, tick)

	h = to(false)
	h.until(target, "/fsync?path="+path, func() bool { return h.written() > 0 })
	require.Zero(t, signalled(h), "signals are not counted, block devices are")
	send(50)

	h = to(true)
	send(7)
	require.Eventually(t, func() bool { return signalled(h) > 0 }, patience, tick)
	h.stop()
	t.Logf("7 signals were sent, %v told", signalled(h))
	require.LessOrEqual(t, signalled(h), 7.0)
}

// A storm has come since the reading before, also where that found nothing.
func TestAStormBeginsAtTheReadingBefore(t *testing.T) {
	start := time.Unix(1000, 0)
	process := &discover.Process{PID: 1}
	c := &tallies{counted: counted{signals: true}, storm: 10, processes: map[*discover.Process]*tally.Process{}}
	c.add(process, start)
	require.Zero(t, c.collect(nil, nil, start.Add(time.Hour)).ResourceMetrics().Len())

	now := start.Add(time.Hour + time.Second)
	batch := emit.NewBatch("", "", emit.NewClock(now, uint64(now.UnixNano())), nil, nil)
	c.collect(map[int]*tally.Reading{1: {Signals: map[tally.Signal]uint64{{Number: 40}: 10}}}, batch, now)
	storm := batch.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	require.Equal(t, events.SignalStorm, storm.EventName())
	require.EqualValues(t, time.Second, storm.Attributes().AsRaw()[events.Duration])
}
