// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// lastMetrics are those of the newest read of a runtime, by name.
func (h *harness) lastMetrics() (map[string]pmetric.Metric, pcommon.Map) {
	return h.newestMetrics("go.goroutine.count")
}

// newestMetrics are those of the newest batch that has the one with that name.
func (h *harness) newestMetrics(name string) (map[string]pmetric.Metric, pcommon.Map) {
	for _, batch := range slices.Backward(h.metrics.AllMetrics()) {
		resource := batch.ResourceMetrics().At(0)
		byName := map[string]pmetric.Metric{}
		for _, m := range resource.ScopeMetrics().At(0).Metrics().All() {
			byName[m.Name()] = m
		}
		if _, ok := byName[name]; ok {
			return byName, resource.Resource().Attributes()
		}
	}
	return nil, pcommon.Map{}
}

func TestRuntimeMetrics(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary, "OTEL_SERVICE_NAME=shop", "GOMAXPROCS=2", "GOMEMLIMIT=1GiB")
	require.Eventually(t, func() bool { m, _ := h.lastMetrics(); return len(m) > 0 }, patience, tick)
	metrics, resource := h.lastMetrics()
	require.Equal(t, int64(target.PID), resource.AsRaw()["process.pid"])
	require.Equal(t, "shop", resource.AsRaw()["service.name"])
	for _, definition := range goruntime.Definitions() {
		require.Contains(t, metrics, definition.Name)
		require.Equal(t, definition.Unit, metrics[definition.Name].Unit(), definition.Name)
	}
	require.EqualValues(t, 2, metrics["go.processor.limit"].Sum().DataPoints().At(0).IntValue())
	require.EqualValues(t, 1<<30, metrics["go.memory.limit"].Sum().DataPoints().At(0).IntValue())
	// The runtime times one in eight of a goroutine's switches (gTrackingPeriod in
	// runtime/proc.go): the first read may come before the first of them.
	scheduled := func() bool {
		_, _, err := target.Get("/gc", nil)
		m, _ := h.lastMetrics()
		return err == nil && m["go.schedule.duration"].Histogram().DataPoints().At(0).Count() > 0
	}
	require.Eventually(t, scheduled, patience, tick, "latencies of the scheduler are counted")

	allocated := func() int64 {
		m, _ := h.lastMetrics()
		return m["go.memory.allocated"].Sum().DataPoints().At(0).IntValue()
	}
	before := allocated()
	_, _, err := target.Get("/gc", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return allocated() > before }, patience, tick, "what was allocated grows")
	require.Zero(t, h.counter("runtime_read_failures", "", ""))

	target.Kill()
	h.awaitAttached(0)
	h.metrics.Reset()
	require.Never(t, func() bool { m, _ := h.lastMetrics(); return m != nil }, 5*minInterval, minInterval,
		"an ended process is no longer told of")
}

// A process of whose runtime nothing could be proven has no resource without
// metrics.
func TestAProcessWithoutRuntimeMetrics(t *testing.T) {
	h := observe(t, nil, TargetConfig{PID: os.Getpid()}) // itself, which is never observed
	r := newRuntimes(h.receiver)
	process := &discover.Process{PID: os.Getpid()}
	r.add(process, &goruntime.Layout{}, 0)
	require.Zero(t, r.collect().ResourceMetrics().Len())
	r.remove(process)
}

func TestRuntimeMetricsCanBeSwitchedOff(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Runtime.Enabled = false }, TargetConfig{Executable: binary})
	targettest.Start(t, binary)
	h.awaitAttached(1)
	require.Never(t, func() bool { return len(h.metrics.AllMetrics()) > 0 }, 5*minInterval, minInterval)
}

// Where only metrics are wanted, a process gets no probe, and nothing is
// recorded of its requests.
func TestRuntimeMetricsAloneNeedNoProbe(t *testing.T) {
	binary := targettest.Build(t, "-ldflags=-s -w")
	h := observeFor(t, func(h *harness, s *sinks) { s.metrics = &h.metrics }, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for range 20 {
		_, _, err := target.Get("/gc", nil)
		require.NoError(t, err)
	}
	h.metrics.Reset()
	require.Eventually(t, func() bool { m, _ := h.lastMetrics(); return len(m) == len(goruntime.Definitions())-1 }, patience, tick,
		"all but the memory limit, which is not set")
	require.Zero(t, h.counter("records", "", ""))
	require.Zero(t, h.counter("probes_refused", "feature", "runtime_metrics"))
	target.Kill()
	h.awaitAttached(0)
}

// A program in which no probe has a place is observed all the same.
func TestRuntimeMetricsOfAProcessWithoutProbes(t *testing.T) {
	binary := buildWithoutProbes(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	pid, kill := startAny(t, binary)
	h.awaitAttached(1)
	require.Eventually(t, func() bool { m, _ := h.lastMetrics(); return len(m) > 0 }, patience, tick)
	metrics, resource := h.lastMetrics()
	require.Contains(t, metrics, "go.goroutine.count")
	require.Equal(t, int64(pid), resource.AsRaw()["process.pid"])
	require.Zero(t, h.counter("attach_failures", "", ""))
	require.EqualValues(t, 1, h.counter("probes_refused", "feature", "ledger"))
	kill()
	h.awaitAttached(0)

	// Without what is read of its memory there is nothing to observe.
	h.stop()
	h = observe(t, func(c *Config) { c.Runtime.Enabled, c.Goroutines.Enabled, c.Allocations.Enabled = false, false, false }, TargetConfig{Executable: binary})
	startAny(t, binary)
	require.Eventually(t, func() bool { return h.counter("attach_failures", "reason", "nothing_found") == 1 }, patience, tick)
	require.Zero(t, h.counter("processes_attached", "", ""))
}

// buildWithoutProbes builds a program that links no library, and gives those
// functions of the runtime that are probed other names, in all its tables.
func buildWithoutProbes(t *testing.T) string {
	t.Helper()
	source, binary := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "target")
	program := "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Hour) }\n"
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	output, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput()
	require.NoError(t, err, string(output))
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	for _, name := range []string{
		"runtime.casgstatus", "runtime.preemptPark", "runtime.stopTheWorldWithSema", "runtime.startTheWorldWithSema",
	} {
		require.Contains(t, string(content), name+"\x00")
		content = bytes.ReplaceAll(content, []byte(name+"\x00"), []byte(name[:len(name)-1]+"_\x00"))
	}
	require.NoError(t, os.WriteFile(binary, content, 0o755))
	return binary
}

// startAny runs a program until it is killed, at the latest by the end of the test.
func startAny(t *testing.T, binary string) (pid int, kill func()) {
	t.Helper()
	command := exec.Command(binary)
	require.NoError(t, command.Start())
	kill = sync.OnceFunc(func() {
		_ = command.Process.Kill()
		_ = command.Wait() // reports the kill
	})
	t.Cleanup(kill)
	return command.Process.Pid, kill
}

func TestGoroutinesOfAProcessThatHasTooMany(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Runtime.MaxGoroutines = 1 }, TargetConfig{Executable: binary})
	targettest.Start(t, binary)
	require.Eventually(t, func() bool { return h.counter("runtime_goroutines_unread", "", "") > 1 }, patience, tick)
	require.Eventually(t, func() bool { m, _ := h.lastMetrics(); return len(m) > 0 }, patience, tick)
	metrics, _ := h.lastMetrics()
	require.NotContains(t, metrics, "fathom.go.goroutine.states")
	require.Contains(t, metrics, "go.goroutine.count")
}
