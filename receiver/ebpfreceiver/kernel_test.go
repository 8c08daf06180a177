// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// bytesOf sums the bytes of events about a file.
func (h *harness) bytesOf(name, path string) (sizes []int64) {
	for _, event := range h.events(name) {
		if attributes := event.Attributes().AsRaw(); attributes[events.FilePath] == path {
			sizes = append(sizes, attributes[events.FileBytes].(int64))
		}
	}
	return sizes
}

func TestReadsAndWritesOfFiles(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Events.File.MinDuration = 0 }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	path := filepath.Join(t.TempDir(), "data")
	body, _, err := target.Get("/files?path="+path, fromCaller("01"))
	require.NoError(t, err)
	require.Empty(t, body)
	span := h.awaitSpan("/files")

	// write, pwrite64; pread64 may come in parts; the last copy_file_range moves nothing.
	require.Eventually(t, func() bool { return len(h.bytesOf(events.FileWrite, path+".copy")) >= 2 }, patience, tick)
	require.Equal(t, []int64{1000, 2000}, h.bytesOf(events.FileWrite, path))
	require.Equal(t, []int64{3000}, h.bytesOf(events.FileRead, path))
	require.Equal(t, []int64{6000, 0}, h.bytesOf(events.FileWrite, path+".copy"))
	for _, name := range []string{events.FileRead, events.FileWrite} {
		for _, event := range h.events(name) {
			if event.TraceID().IsEmpty() {
				continue // the runtime's own, such as of its CPU limit
			}
			requireOnSpan(t, event, span)
			require.Contains(t, event.Attributes().AsRaw()[events.FilePath], path, "sockets and pipes are not told")
		}
	}
}

// pin has what the test starts run on one CPU.
func pin(t *testing.T, start func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	for cpu := range 1024 {
		if before.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	require.NoError(t, unix.SchedSetaffinity(0, &one))
	start()
	require.NoError(t, unix.SchedSetaffinity(0, &before))
}

func TestWaitsForACPU(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	var target *targettest.Target
	pin(t, func() {
		target = targettest.Start(t, binary)
		for range 2 {
			rival := exec.Command("/bin/sh", "-c", "while :; do :; done")
			require.NoError(t, rival.Start())
			t.Cleanup(func() {
				_ = rival.Process.Kill()
				_ = rival.Wait() // tells of the kill
			})
		}
	})
	h.awaitAttached(1)
	require.Eventually(t, func() bool {
		_, _, err := target.Get("/cpu", fromCaller("01"))
		return err == nil && len(h.events(events.RunQueue)) > 0
	}, patience, tick)
	event := h.events(events.RunQueue)[0]
	require.Equal(t, callerTrace, event.TraceID().String())
	attributes := event.Attributes().AsRaw()
	require.GreaterOrEqual(t, attributes[events.Duration], int64(1e6))
	require.Contains(t, attributes, events.CPU)
	require.Positive(t, attributes[events.GoroutineID])
	var span seenSpan
	require.Eventually(t, func() bool {
		for _, candidate := range h.spans() {
			if candidate.SpanID() == event.SpanID() {
				span = candidate
				return true
			}
		}
		return false
	}, patience, tick)
	requireOnSpan(t, event, span)
	runQueue, ok := span.Attributes().Get("fathom.time.os_runqueue")
	require.True(t, ok)
	require.GreaterOrEqual(t, runQueue.Int(), attributes[events.Duration], "the ledger counts it too")
}
