// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What the programs of tracepoints take of the host for processes that nobody
// observes, by what the kernel counts of each program: switches and wake-ups of
// threads, requests to a block device, signals.
func BenchmarkHost(b *testing.B) {
	statistics, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	require.NoError(b, err)
	defer func() { require.NoError(b, statistics.Close()) }()
	programs, err := Load(Options{})
	require.NoError(b, err, "this needs root on a kernel that loads BPF")
	defer func() { require.NoError(b, programs.Close()) }()
	path := filepath.Join(b.TempDir(), "data")
	require.NoError(b, os.WriteFile(path, make([]byte, 64<<10), 0o600))
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	require.NoError(b, err)
	defer file.Close()
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(b, err)
	for b.Loop() {
		_, err := file.ReadAt(page, 0)
		require.NoError(b, err)
		require.NoError(b, syscall.Kill(os.Getpid(), syscall.SIGURG))
		time.Sleep(time.Microsecond)
	}
	for name, program := range map[string]*ebpf.Program{
		"switch": programs.scheduler.ThreadSwitch, "wakeup": programs.scheduler.ThreadWakeup,
		"queue": programs.requestQueued, "complete": programs.block.RequestsCompleted, "signal": programs.signals.SignalDelivered,
	} {
		told, err := program.Stats()
		require.NoError(b, err)
		b.ReportMetric(float64(told.Runtime.Nanoseconds())/float64(max(told.RunCount, 1)), "ns/"+name)
	}
}
