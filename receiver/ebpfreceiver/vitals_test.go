// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/vitals"
)

// limitCPU puts a process into a cgroup of its own that may use a tenth of a
// CPU, in whichever hierarchy of this machine has the controller.
func limitCPU(t *testing.T, pid int) (path string) {
	t.Helper()
	write := func(file, content string) {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600), "this test needs root on a machine that lets it make cgroups")
	}
	name := fmt.Sprintf("fathom-test-%d", pid)
	directory := filepath.Join("/sys/fs/cgroup/cpu", name) // version 1
	limit := map[string]string{"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "2000"}
	if _, err := os.Stat("/sys/fs/cgroup/cpu/cpu.shares"); err != nil {
		write("/sys/fs/cgroup/cgroup.subtree_control", "+cpu")
		directory = filepath.Join("/sys/fs/cgroup", name)
		limit = map[string]string{"cpu.max": "2000 20000"}
	}
	require.NoError(t, os.Mkdir(directory, 0o700))
	for file, content := range limit {
		write(filepath.Join(directory, file), content)
	}
	write(filepath.Join(directory, "cgroup.procs"), strconv.Itoa(pid))
	t.Cleanup(func() { // before the target ends: it may go back to the root
		write(filepath.Join(filepath.Dir(directory), "cgroup.procs"), strconv.Itoa(pid))
		require.NoError(t, os.Remove(directory))
	})
	return "/" + name
}

func TestThrottlingOfCgroups(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	path := limitCPU(t, target.PID)
	h.awaitAttached(1)
	// The kernel counts a period when it begins to throttle and the time when it
	// ends: a reading may fall between.
	var event seenLog
	require.Eventually(t, func() bool {
		if _, _, err := target.Get("/cpu", nil); err != nil {
			return false
		}
		for _, event = range h.events(events.CgroupThrottled) {
			periods, _ := event.Attributes().Get(events.ThrottledPeriods)
			took, _ := event.Attributes().Get(events.ThrottledTime)
			if periods.Int() > 0 && took.Int() > 0 {
				return true
			}
		}
		return false
	}, patience, tick)
	attributes := event.Attributes().AsRaw()
	require.Equal(t, path, attributes[events.CgroupPath])
	require.Positive(t, attributes[events.Duration])
	require.EqualValues(t, target.PID, event.resource.AsRaw()["process.pid"])
	require.True(t, event.TraceID().IsEmpty())

	const metric = "fathom.cgroup.throttled.periods"
	require.Eventually(t, func() bool {
		metrics, _ := h.newestMetrics(metric)
		return metrics != nil && metrics[metric].Sum().DataPoints().At(0).IntValue() > 0
	}, patience, tick)
	metrics, _ := h.newestMetrics(metric)
	for _, definition := range vitals.Definitions() {
		require.Contains(t, metrics, definition.Name)
		require.Equal(t, definition.Unit, metrics[definition.Name].Unit())
	}
	require.Zero(t, h.counter("runtime_read_failures", "", ""))
}

func TestMajorPageFaults(t *testing.T) {
	binary := targettest.Build(t)
	const pages, least = 200, 10 // in an interval, however slow the disk
	h := observe(t, func(c *Config) { c.Events.PageFaults.MinMajor = least }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	path := filepath.Join(t.TempDir(), "mapped")
	file, err := os.Create(path)
	require.NoError(t, err)
	_, err = file.Write(make([]byte, pages*os.Getpagesize()))
	require.NoError(t, err)
	require.NoError(t, file.Sync(), "what is dirty stays cached")
	require.NoError(t, file.Close())
	require.Eventually(t, func() bool { // again, where the faults fell into two intervals
		body, _, err := target.Get("/fault?path="+path, nil)
		return err == nil && body == "" && len(h.events(events.PageFaults)) > 0
	}, patience, tick)
	attributes := h.events(events.PageFaults)[0].Attributes().AsRaw()
	require.GreaterOrEqual(t, attributes[events.MajorFaults], int64(least))
	require.Contains(t, attributes, events.MinorFaults)
	require.Eventually(t, func() bool { return h.majorFaults() >= attributes[events.MajorFaults].(int64) }, patience, tick)
}

// majorFaults are those of the newest reading.
func (h *harness) majorFaults() int64 {
	const name = "process.paging.faults"
	metrics, _ := h.newestMetrics(name)
	metric, ok := metrics[name]
	if !ok {
		return 0
	}
	for _, point := range metric.Sum().DataPoints().All() {
		if value, _ := point.Attributes().Get(vitals.FaultType); value.Str() == "major" {
			return point.IntValue()
		}
	}
	return 0
}
