// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// runMany starts processes of one Go program that do nothing until the test ends.
func runMany(tb testing.TB, path string, n int) {
	tb.Helper()
	for range n {
		command := exec.Command(path)
		command.Env = childEnv
		stdin, err := command.StdinPipe() // they wait for it
		require.NoError(tb, err)
		require.NoError(tb, command.Start())
		tb.Cleanup(func() {
			_ = stdin.Close()
			_ = command.Wait()
		})
	}
}

// scanReal is a scanner of the real /proc, and what it told.
func scanReal(tb testing.TB, targets ...Target) (*scanner, *int) {
	tb.Helper()
	watcher, err := New(Config{Targets: targets}, zap.NewNop())
	require.NoError(tb, err)
	proc, err := openProcfs(procRoot)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, proc.close()) })
	boot, err := bootTime(time.Now())
	require.NoError(tb, err)
	started := 0
	return watcher.newScanner(proc, boot, func(e Event) {
		if e.Kind == Started {
			started++
		}
	}), &started
}

// cpuNow is the CPU time that this process has used.
func cpuNow(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Two hundred processes of one program: it is looked into once.
func TestManyProcessesOfOneProgram(t *testing.T) {
	const n = 200
	path := copyProgram(t, "cart")
	runMany(t, path, n)
	s, started := scanReal(t, Target{Executable: path})
	require.NoError(t, s.scan())
	require.Equal(t, n, *started)
	require.Len(t, s.examiner.binaries, 1)
	require.NoError(t, s.scan())
	require.Equal(t, n, *started)
}

// What a scan costs of two thousand real processes that are older than a minute, all
// watched, or awaited to listen on a port; and what the first scan costs.
func BenchmarkScanRealProcesses(b *testing.B) {
	const n = 2000
	path := copyProgram(b, "cart")
	runMany(b, path, n)
	for name, target := range map[string]Target{
		"watched": {Executable: path},
		"awaited": {Executable: path, OpenPort: PortRange{1, 1}},
	} {
		b.Run(name, func(b *testing.B) {
			s, _ := scanReal(b, target)
			before := cpuNow(b)
			require.NoError(b, s.scan())
			first := float64((cpuNow(b) - before).Nanoseconds()) / n
			s.now = func() time.Time { return time.Now().Add(youngFor) }
			before = cpuNow(b)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, s.scan())
			}
			b.ReportMetric(float64((cpuNow(b)-before).Nanoseconds())/n/float64(b.N), "cpu-ns/process")
			b.ReportMetric(first, "cpu-ns/process-first")
		})
	}
}
