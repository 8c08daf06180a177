// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// often takes dumps as often as a test has patience for.
func often(leak LeakConfig) func(*Config) {
	return func(c *Config) {
		c.Goroutines = GoroutinesConfig{Enabled: true, Interval: 2 * minInterval, Leak: leak}
	}
}

// awaitDumps waits until n more dumps were taken.
func (h *harness) awaitDumps(n int64) {
	h.t.Helper()
	before := h.counter("goroutine_dumps", "outcome", dumpTaken)
	require.Eventually(h.t, func() bool { return h.counter("goroutine_dumps", "outcome", dumpTaken) >= before+n }, patience, tick)
}

// leakMore makes the target leak until so many leaks were told.
func leakMore(t *testing.T, h *harness, target *targettest.Target, told int) {
	t.Helper()
	for deadline := time.Now().Add(2 * patience); len(h.events(events.GoroutineLeak)) < told; {
		require.True(t, time.Now().Before(deadline), "the leak is not told")
		_, _, err := target.Get("/leak?n=20", fromCaller("01"))
		require.NoError(t, err)
		h.awaitDumps(1)
	}
}

func TestALeakByGrowth(t *testing.T) {
	for name, build := range map[string][]string{"plain": nil, "PIE": {"-buildmode=pie"}} {
		t.Run(name, func(t *testing.T) {
			binary := targettest.Build(t, build...)
			h := observe(t, often(LeakConfig{Growth: 60, Dumps: 5}), TargetConfig{Executable: binary, ServiceName: "leaky"})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			h.awaitDumps(2)
			leakMore(t, h, target, 1)

			leak := h.events(events.GoroutineLeak)[0]
			require.Equal(t, plog.SeverityNumberWarn, leak.SeverityNumber())
			require.Equal(t, "leaky", leak.resource.AsRaw()["service.name"])
			require.EqualValues(t, target.PID, leak.resource.AsRaw()["process.pid"])
			require.WithinDuration(t, time.Now(), leak.Timestamp().AsTime(), 2*patience)
			attributes := leak.Attributes().AsRaw()
			require.Equal(t, "growth", attributes[events.GoroutineLeakRule])
			require.Equal(t, "chan receive", attributes[events.GoroutineState])
			require.GreaterOrEqual(t, attributes[events.GoroutineGrowth], int64(60))
			require.GreaterOrEqual(t, attributes[events.GoroutineCount], attributes[events.GoroutineGrowth])
			require.Greater(t, attributes[events.GoroutineLive], attributes[events.GoroutineCount])
			require.GreaterOrEqual(t, attributes[events.Duration], int64(4*minInterval))
			require.GreaterOrEqual(t, attributes[events.GoroutineAge], attributes[events.Duration])
			require.Positive(t, attributes[events.GoroutineWait])
			require.Positive(t, attributes[events.GoroutineID])
			require.Positive(t, attributes[events.GoroutineParentID])
			require.Equal(t, "main.leak", attributes[events.FunctionName])
			require.Equal(t, "main.go", filepath.Base(attributes[events.CodeFilePath].(string)))
			require.Positive(t, attributes[events.LineNumber])
			require.Equal(t, []any{callerTrace}, attributes[events.TraceIDs])
			require.EqualValues(t, 1, attributes[events.GoroutineTraces])
			require.Equal(t, attributes[events.GoroutineCount], attributes[events.GoroutineTraced])
			stack := attributes[events.Stacktrace].(string)
			require.Contains(t, stack, fmt.Sprintf("goroutine %d [chan receive]:\nmain.leak.func1(...)\n\t", attributes[events.GoroutineID]))
			require.Contains(t, stack, fmt.Sprintf("created by main.leak in goroutine %d\n\t", attributes[events.GoroutineParentID]))

			h.awaitDumps(8)
			require.Len(t, h.events(events.GoroutineLeak), 1, "told once")
			leakMore(t, h, target, 2)
			again := h.events(events.GoroutineLeak)[1].Attributes().AsRaw()
			require.GreaterOrEqual(t, again[events.GoroutineCount], 2*attributes[events.GoroutineCount].(int64), "and again when they have doubled")
			require.Zero(t, h.counter("goroutine_dumps", "outcome", dumpFailed))
			require.Zero(t, h.counter("probes_refused", "feature", string(plan.Goroutines)))
		})
	}
}

func TestALeakByThreshold(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, often(LeakConfig{Threshold: 500, Dumps: 3}), TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	h.awaitDumps(2)
	require.Empty(t, h.events(events.GoroutineLeak))
	_, _, err := target.Get("/leak?n=500", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(h.events(events.GoroutineLeak)) > 0 }, patience, tick)
	h.awaitDumps(3)
	require.Len(t, h.events(events.GoroutineLeak), 1)
	attributes := h.events(events.GoroutineLeak)[0].Attributes().AsRaw()
	require.Equal(t, "threshold", attributes[events.GoroutineLeakRule])
	require.EqualValues(t, 500, attributes[events.GoroutineCount])
	require.Greater(t, attributes[events.GoroutineLive], int64(500))
	require.NotContains(t, attributes, events.GoroutineGrowth)
}

func TestTheLargestGroups(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) {
		often(LeakConfig{Dumps: 3})(c)
		c.Goroutines.Top = 2
	}, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	_, _, err := target.Get("/leak?n=123", nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		groups := h.events(events.GoroutineGroup)
		return len(groups) >= 2 && groups[len(groups)-2].Attributes().AsRaw()[events.GoroutineCount] == int64(123)
	}, patience, tick)
	groups := h.events(events.GoroutineGroup)
	largest := groups[len(groups)-2].Attributes().AsRaw()
	require.Equal(t, "main.leak", largest[events.FunctionName])
	require.Equal(t, plog.SeverityNumberInfo, groups[0].SeverityNumber())
	require.Empty(t, h.events(events.GoroutineLeak))
}

func TestBusyRequestsAreNoLeak(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, often(LeakConfig{Growth: 10, Dumps: 5}), TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	_, _, err := target.Get("/leak?n=200", nil) // at once, and no more
	require.NoError(t, err)
	before := h.counter("goroutine_dumps", "outcome", dumpTaken)
	for h.counter("goroutine_dumps", "outcome", dumpTaken) < before+15 {
		for _, path := range []string{"/sleep/1", "/channel", "/mutex"} {
			_, _, err := target.Get(path, nil)
			require.NoError(t, err)
		}
	}
	require.Empty(t, h.events(events.GoroutineLeak))
}

func TestGoroutinesOfAStrippedBinary(t *testing.T) {
	binary := targettest.Build(t, "-ldflags=-s -w")
	h := observe(t, often(LeakConfig{Threshold: 1, Dumps: 3}), TargetConfig{Executable: binary})
	targettest.Start(t, binary)
	h.awaitAttached(1)
	require.Zero(t, h.counter("probes_refused", "feature", string(plan.Goroutines)))
	require.Eventually(t, func() bool { return h.counter("goroutine_dumps", "outcome", dumpTaken) > 2 }, patience, tick)
	require.Zero(t, h.counter("goroutine_dumps", "outcome", dumpFailed))
}

func TestGoroutinesCanBeSwitchedOff(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) {
		often(LeakConfig{Threshold: 1, Dumps: 3})(c)
		c.Goroutines.Enabled = false
	}, TargetConfig{Executable: binary})
	targettest.Start(t, binary)
	h.awaitAttached(1)
	require.Never(t, func() bool { return h.counter("goroutine_dumps", "", "") > 0 }, 5*minInterval, minInterval)
}

// A process that executes another program has other code: it is not read as if
// it were that of the first.
func TestTheExecutableOfAProcess(t *testing.T) {
	shell := exec.Command("sh", "-c", "read line; exec sleep 60")
	stdin, err := shell.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, shell.Start())
	defer func() {
		require.NoError(t, shell.Process.Kill())
		_ = shell.Wait() // reports the kill
	}()
	require.Eventually(t, func() bool { return executes(shell.Process.Pid, "sh", "dash", "bash", "busybox") }, patience, tick)
	open := executableOf(shell.Process.Pid)
	file, err := open()
	require.NoError(t, err)
	require.NoError(t, file.Close())

	_, err = fmt.Fprintln(stdin)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return executes(shell.Process.Pid, "sleep", "coreutils") }, patience, tick)
	_, err = open()
	require.ErrorContains(t, err, "executes another file")
	_, err = executableOf(0)()
	require.Error(t, err)
}

func executes(pid int, names ...string) bool {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && slices.Contains(names, filepath.Base(path))
}
