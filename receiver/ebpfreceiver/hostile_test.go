// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"debug/elf"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// requireObserved shows that the receiver is alive: it gets to observe a target,
// and sees the whole of a request.
func requireObserved(t *testing.T, h *harness, target *targettest.Target) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, _, err := target.Get("/nothing", nil)
		return err == nil && len(h.spans()) > 0
	}, patience, 10*tick, "no request of the target is seen")
	_, status, err := target.Get("/sleep/2", fromCaller("01"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	span := h.awaitSpan("/sleep/2")
	cause, _ := exactLedger(t, span).Dominant()
	require.Equal(t, ledger.Sleep, cause)
	require.Equal(t, callerTrace, span.TraceID().String())
	require.Equal(t, "GET /sleep/{id}", span.Name())
}

func TestKindsOfExecutables(t *testing.T) {
	for name, build := range map[string][]string{
		"stripped":     {"-ldflags=-s -w"},
		"PIE":          {"-buildmode=pie"},
		"stripped PIE": {"-buildmode=pie", "-ldflags=-s -w"},
	} {
		t.Run(name, func(t *testing.T) {
			binary := targettest.Build(t, build...)
			h := observe(t, nil, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			requireObserved(t, h, target)
			needSymbols := h.counter("probes_refused", "feature", "allocations") + h.counter("probes_refused", "feature", "span_allocations")
			require.Equal(t, needSymbols, h.counter("probes_refused", "", ""), "all but what needs a symbol")
			_, _, err := target.Get("/gc", nil)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return len(h.events(events.GCCycle)) > 0 }, patience, tick)
			require.Positive(t, h.events(events.GCCycle)[0].Attributes().AsRaw()[events.GCCycleNumber])
			require.Eventually(t, func() bool { m, _ := h.lastMetrics(); return len(m) == len(goruntime.Definitions())-1 }, patience, tick,
				"all but the memory limit, which is not set")
		})
	}
}

func TestAnExecutableReplacedUnderARunningProcess(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	garbage := filepath.Join(filepath.Dir(binary), "next")
	require.NoError(t, os.WriteFile(garbage, []byte("not even ELF"), 0o700))
	require.NoError(t, os.Rename(garbage, binary))

	h := observe(t, nil, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	requireObserved(t, h, target)
}

func TestAProcessThatIsNotGo(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	require.NoError(t, sleep.Start())
	defer func() {
		require.NoError(t, sleep.Process.Kill())
		_ = sleep.Wait() // reports the kill
	}()
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	h := observe(t, nil, TargetConfig{PID: sleep.Process.Pid}, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	require.EqualValues(t, 1, h.counter("processes_examined", "outcome", "not_go"))
	requireObserved(t, h, target)
}

// The kernel runs a file whose section headers were cut off: what they told of
// it is gone.
func TestATruncatedExecutable(t *testing.T) {
	whole := targettest.Build(t)
	cut := targettest.Build(t)
	file, err := elf.Open(cut)
	require.NoError(t, err)
	var end uint64
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_LOAD {
			end = max(end, segment.Off+segment.Filesz)
		}
	}
	require.NoError(t, file.Close())
	require.NoError(t, os.Truncate(cut, int64(end)))

	truncated, target := targettest.Start(t, cut), targettest.Start(t, whole)
	h := observe(t, nil, TargetConfig{Executable: cut}, TargetConfig{Executable: whole})
	require.Eventually(t, func() bool {
		return h.counter("attach_failures", "reason", attach.ReasonAnalysis)+h.counter("processes_examined", "outcome", "not_go") == 1
	}, patience, tick)
	requireObserved(t, h, target)
	_, status, err := truncated.Get("/sleep/1", nil)
	require.NoError(t, err, "what cannot be observed runs on")
	require.Equal(t, http.StatusOK, status)
}

func TestTargetsKilledWhileTheyAreAttached(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	for delay := range 20 {
		target := targettest.Start(t, binary)
		time.Sleep(time.Duration(delay) * 15 * time.Millisecond) // before, during and after
		target.Kill()
	}
	require.Eventually(t, func() bool { return h.counter("processes_attached", "", "") == 0 }, patience, tick)
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	requireObserved(t, h, target)
}

func TestTenThousandShortLivedProcesses(t *testing.T) {
	directory := t.TempDir()
	source, short := filepath.Join(directory, "short.go"), filepath.Join(directory, "short")
	require.NoError(t, os.WriteFile(source, []byte("package main\nfunc main() {}\n"), 0o600))
	output, err := exec.Command("go", "build", "-o", short, source).CombinedOutput()
	require.NoError(t, err, string(output))

	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: short}, TargetConfig{Executable: binary})
	const processes = 10_000
	storm := exec.Command("sh", "-c", "i=0; while [ $i -lt $1 ]; do $0; i=$((i+1)); done", short, "10000")
	storm.Stdout, storm.Stderr = io.Discard, os.Stderr
	began := time.Now()
	require.NoError(t, storm.Run())
	t.Logf("%d processes in %v; examined %d, vanished %d, attach failures %d", processes, time.Since(began),
		h.counter("processes_examined", "outcome", "watched"), h.counter("processes_examined", "outcome", "vanished"),
		h.counter("attach_failures", "", ""))

	target := targettest.Start(t, binary)
	requireObserved(t, h, target)
	h.awaitAttached(1) // those that ended are detached
	counters, err := h.receiver.programs.Counters()
	require.NoError(t, err)
	require.Zero(t, counters[probe.DroppedGoroutinesFull], "what they left in the maps is cleared")
}
