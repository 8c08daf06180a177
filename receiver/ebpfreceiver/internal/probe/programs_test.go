// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// attached starts a target with probes. A change may take something away from
// the plan.
func attached(t *testing.T, options Options, change func(*Target)) (*Programs, *targettest.Target) {
	t.Helper()
	return attachedTo(t, targettest.Build(t), options, change)
}

func attachedTo(t testing.TB, binary string, options Options, change func(*Target)) (*Programs, *targettest.Target) {
	t.Helper()
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	planned := plan.For(analysed)
	require.NoError(t, analysed.Close())

	programs, err := Load(options)
	require.NoError(t, err, "this test needs root on a kernel that loads BPF")
	t.Cleanup(func() { require.NoError(t, programs.Close()) })
	server := targettest.Start(t, binary)
	target := Target{PID: server.PID, Executable: opened(t, fmt.Sprintf("/proc/%d/exe", server.PID)), SampleRate: 1000, Events: NoEvents(), Plan: planned}
	if change != nil {
		change(&target)
	}
	attachment, err := programs.Attach(target, TierScheduler)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := attachment.Close()
		require.NoError(t, err)
	})
	return programs, server
}

func opened(t testing.TB, path string) *os.File {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	return file
}

func requests(t *testing.T, server *targettest.Target, n int) {
	t.Helper()
	for range n {
		_, _, err := server.Get("/nothing", nil)
		require.NoError(t, err)
	}
}

func counters(t *testing.T, programs *Programs) map[Counter]uint64 {
	t.Helper()
	values, err := programs.Counters()
	require.NoError(t, err)
	return values
}

// readAll decodes what waits in the buffer.
func readAll(t *testing.T, programs *Programs) []record.Record {
	t.Helper()
	reader, err := programs.NewReader()
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	var all []record.Record
	for waited := false; ; {
		raw, err := reader.Read()
		require.NoError(t, err)
		if raw == nil {
			if waited {
				return all
			}
			waited = true // what ends after an answer was sent may be about to come
			require.NoError(t, reader.ring.wait(time.Now().Add(100*time.Millisecond), 1))
			continue
		}
		decoded, err := record.Decode(raw)
		require.NoError(t, err)
		all = append(all, decoded)
	}
}

func TestAFullBufferIsCountedExactly(t *testing.T) {
	programs, server := attached(t, Options{BufferBytes: uint32(os.Getpagesize())}, func(target *Target) {
		delete(target.Plan.Probes, plan.WorldStarts) // requests are the only records
		delete(target.Plan.Probes, plan.WorldStops)
	})
	const sent = 100
	requests(t, server, sent)
	values := counters(t, programs)
	require.Positive(t, values[DroppedBufferFull])
	require.EqualValues(t, sent, values[Records]+values[DroppedBufferFull])
	require.EqualValues(t, values[Records], len(readAll(t, programs)), "what was counted as delivered is there")

	requests(t, server, 1)
	require.Len(t, readAll(t, programs), 1, "a buffer that was read takes records again")
}

// perfEvents attach the probes as before Linux 6.6.
func perfEvents() Options {
	kernel := abilitiesOfKernel()
	kernel.uprobeMulti = false
	return Options{abilities: &kernel}
}

// Whatever the kernel has, the programs see the same.
func TestKindsOfKernels(t *testing.T) {
	for name, options := range map[string]Options{
		"what the kernel has": {}, "perf events": perfEvents(), "no more than Linux 5.10": {abilities: &abilities{}},
	} {
		t.Run(name, func(t *testing.T) {
			programs, server := attached(t, options, nil)
			require.Empty(t, programs.Refused())
			_, _, err := server.Get("/sdk", nil)
			require.NoError(t, err)
			_, _, err = server.Get("/gc", nil)
			require.NoError(t, err)
			requests(t, server, 3)
			seen := map[string]int{}
			for _, r := range readAll(t, programs) {
				seen[fmt.Sprintf("%T", r)]++
				if request, ok := r.(*record.Request); ok {
					require.Equal(t, request.End-request.Start, request.Ledger.Total())
				}
			}
			require.Equal(t, 4, seen["*record.Request"], "the SDK tells the other")
			require.Equal(t, 2, seen["*record.Span"])
			require.GreaterOrEqual(t, seen["*record.Stop"], 2)
		})
	}
}

func TestSampleRate(t *testing.T) {
	programs, server := attached(t, Options{}, func(target *Target) { target.SampleRate = 500 })
	const sent = 400
	requests(t, server, sent)
	values := counters(t, programs)
	require.InDelta(t, sent/2, values[SampledOut], sent/5, "about half; the standard deviation is 10")
}

func TestWithoutTheSchedulerProbeThereIsNoLedger(t *testing.T) {
	programs, server := attached(t, Options{}, func(target *Target) { delete(target.Plan.Probes, plan.GoroutineStatus) })
	requests(t, server, 3)
	seen := 0
	for _, r := range readAll(t, programs) {
		if request, ok := r.(*record.Request); ok {
			seen++
			require.False(t, request.Exact)
			require.Equal(t, "/nothing", request.Path)
		}
	}
	require.Equal(t, 3, seen)
}

// Spans that end on another goroutine than they began on leave room for others.
func TestSpansThatEndElsewhere(t *testing.T) {
	programs, server := attached(t, Options{}, nil)
	const elsewhere = 20
	body, _, err := server.Get(fmt.Sprintf("/elsewhere?n=%d", elsewhere), nil)
	require.NoError(t, err)
	told := map[string]bool{}
	for _, r := range readAll(t, programs) {
		if span, ok := r.(*record.Span); ok {
			told[fmt.Sprintf("%x", span.SpanID)] = true
		}
	}
	require.Equal(t, map[string]bool{strings.TrimSpace(body): true}, told, "the one span that ended where it began")
	values := counters(t, programs)
	require.EqualValues(t, elsewhere, values[EndedElsewhere])
	require.Positive(t, values[DroppedSpansNested], "the stack was full, and the oldest was given up")
}

// What a process leaves open is counted when its probes are taken off.
func TestOpenSpansAreCountedAtTheEnd(t *testing.T) {
	binary := targettest.Build(t)
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	defer analysed.Close()
	programs, err := Load(Options{})
	require.NoError(t, err)
	defer programs.Close()
	server := targettest.Start(t, binary)
	attachment, err := programs.Attach(Target{PID: server.PID, Executable: opened(t, binary), SampleRate: 1000, Plan: plan.For(analysed)}, TierScheduler)
	require.NoError(t, err)
	requests := make(chan error)
	go func() {
		_, _, err := server.Get("/hang", nil)
		requests <- err
	}()
	var key goroutineKey
	var value spansGoroutine
	require.Eventually(t, func() bool {
		goroutines := programs.spans.Goroutines.Iterate()
		return goroutines.Next(&key, &value) && value.Depth == 1
	}, time.Minute, 10*time.Millisecond)
	server.Kill()
	require.Error(t, <-requests)
	open, err := attachment.Close()
	require.NoError(t, err)
	require.Equal(t, 1, open)
	require.False(t, programs.spans.Goroutines.Iterate().Next(&key, &value), "nothing of it stays")
	var pid, tid uint32
	var clock []byte
	require.False(t, programs.spans.Threads.Iterate().Next(&tid, &key))
	require.False(t, programs.spans.StopClocks.Iterate().Next(&pid, &clock))
	require.False(t, programs.spans.Processes.Iterate().Next(&pid, &clock))
}

func TestAttachToNoProcess(t *testing.T) {
	binary := targettest.Build(t)
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	defer analysed.Close()
	programs, err := Load(Options{})
	require.NoError(t, err)
	defer programs.Close()
	server := targettest.Start(t, binary)
	server.Kill()
	_, err = programs.Attach(Target{PID: server.PID, Executable: opened(t, binary), Plan: plan.For(analysed)}, TierScheduler)
	require.ErrorContains(t, err, fmt.Sprint(server.PID))
}

// The kernel side numbers counters by an enum of its own.
func TestCountersAreNumberedAsInTheKernel(t *testing.T) {
	header, err := os.ReadFile("../../../../bpf/headers/counters.h")
	require.NoError(t, err)
	enum := regexp.MustCompile(`(?s)enum counter \{(.*?)\};`).FindSubmatch(header)
	require.NotNil(t, enum)
	constants := regexp.MustCompile(`(?m)^\t([A-Z0-9_]+),`).FindAllSubmatch(enum[1], -1)
	require.Len(t, constants, int(numCounters)+1)
	names := map[Counter]string{UnfinishedSpans: "UNFINISHED_SPANS", UnsupportedHTTP2: "UNSUPPORTED_HTTP2", EndedElsewhere: "ENDED_ELSEWHERE"}
	for c := range numCounters {
		want := names[c]
		if want == "" {
			want = strings.ToUpper(c.String())
		}
		require.Equal(t, want, strings.TrimPrefix(string(constants[c][1]), "DROPPED_"))
	}
}

func TestWaitGivesUpAfterAWhile(t *testing.T) {
	programs, err := Load(Options{})
	require.NoError(t, err)
	defer programs.Close()
	reader, err := programs.NewReader()
	require.NoError(t, err)
	raw, err := reader.Read()
	require.NoError(t, err)
	require.Nil(t, raw)
	require.NoError(t, reader.Wait())
	beat := clock.NextBeat(PollInterval)
	require.NoError(t, reader.Wait())
	require.False(t, time.Now().Before(beat))
	require.NoError(t, reader.Drain(t.Context()))
	require.NoError(t, reader.Close())
	_, err = reader.Read()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, reader.Wait(), ErrClosed)
}

// The reader is woken once each time that it waits: by what is much, and by the
// first record where none had come for a while.
func TestWhenTheReaderIsWoken(t *testing.T) {
	programs, server := attached(t, Options{}, nil)
	reader, err := programs.NewReader()
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	state := func() (state uint32) {
		require.NoError(t, reader.state.Lookup(uint32(0), &state))
		return state
	}
	waits := func() chan error {
		waited := make(chan error, 1)
		go func() { waited <- reader.Wait() }()
		return waited
	}

	reader.last = time.Now().Add(-restAfter)
	began, waited := time.Now(), waits()
	require.Eventually(t, func() bool { return state() == readerRests }, time.Minute, time.Millisecond)
	requests(t, server, 1)
	require.NoError(t, <-waited)
	took := time.Since(began)
	t.Logf("a reader that rests for %v was woken by a record after %v", restInterval, took)
	require.Zero(t, state(), "who woke it noted that")
	require.Positive(t, reader.ring.available())
	if took >= restInterval {
		t.Errorf("it was not woken, or the machine is very slow")
	}

	for raw, err := reader.Read(); raw != nil; raw, err = reader.Read() {
		require.NoError(t, err)
	}
	require.NoError(t, reader.Wait())
	require.EqualValues(t, readerWaits, state(), "it looked by itself")
	requests(t, server, 10)
	require.Less(t, reader.ring.available(), enoughBytes)
	require.EqualValues(t, readerWaits, state(), "a few records wake nobody who looks soon")
	for state() == readerWaits && reader.ring.available() < 2*enoughBytes {
		requests(t, server, 10)
	}
	t.Logf("a reader that waits was to be woken by %d bytes", reader.ring.available())
	require.Zero(t, state())
	require.GreaterOrEqual(t, reader.ring.available(), enoughBytes)
}

// Drain waits for what is in the buffer, and for no more.
func TestDrainWaitsForWhatWasTold(t *testing.T) {
	programs, server := attached(t, Options{}, func(*Target) {})
	reader, err := programs.NewReader()
	require.NoError(t, err)
	for range 20 {
		_, _, err := server.Get("/nothing", nil)
		require.NoError(t, err)
	}
	soon, cancel := context.WithTimeout(t.Context(), PollInterval)
	defer cancel()
	require.ErrorIs(t, reader.Drain(soon), context.DeadlineExceeded, "nobody reads")
	server.Kill()
	told, err := programs.Counters()
	require.NoError(t, err)
	read := make(chan uint64)
	go func() {
		n := uint64(0)
		for raw, err := reader.Read(); err == nil; raw, err = reader.Read() {
			if raw != nil {
				n++
			} else if reader.Wait() != nil {
				break
			}
		}
		read <- n
	}()
	require.NoError(t, reader.Drain(t.Context()))
	require.NoError(t, reader.Drain(t.Context()), "once more")
	require.NoError(t, reader.Close())
	n := <-read
	t.Logf("%d records told, %d read", told[Records], n)
	require.GreaterOrEqual(t, n, told[Records])
	require.GreaterOrEqual(t, n, uint64(20))
}

// A file that is opened in a span is that span's, though another that began
// later has ended elsewhere.
func TestAFileAfterASpanThatEndedElsewhere(t *testing.T) {
	programs, server := attached(t, Options{}, func(target *Target) { target.Events.FileMinDuration = 0 })
	path := filepath.Join(t.TempDir(), "opened")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	outer, _, err := server.Get("/after?path="+path, nil)
	require.NoError(t, err)
	require.NotEmpty(t, outer)
	var owners []string
	for _, r := range readAll(t, programs) {
		if file, ok := r.(*record.File); ok && file.Path == path {
			owners = append(owners, fmt.Sprintf("%x", file.SpanID))
		}
	}
	require.Equal(t, []string{outer}, owners)
}

// A request finds what its connection's goroutine left open, and counts all of it.
func TestSpansThatAreLeftOpenBetweenRequests(t *testing.T) {
	programs, server := attached(t, Options{}, nil)
	_, _, err := server.Get("/leave", nil)
	require.NoError(t, err)
	requests(t, server, 1) // on the same connection
	require.EqualValues(t, 2, counters(t, programs)[UnfinishedSpans])
}
