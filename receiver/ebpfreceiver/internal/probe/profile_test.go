// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func TestSamplesOfCPUs(t *testing.T) {
	programs, server := attached(t, Options{}, nil)
	require.NoError(t, programs.SampleCPUs(time.Millisecond))
	_, _, err := server.Get("/burn?ms=200", nil)
	require.NoError(t, err)
	require.NoError(t, programs.stopTimers())
	samples, inSpan := 0, 0
	for _, r := range readAll(t, programs) {
		sample, ok := r.(*record.Sample)
		if !ok {
			continue
		}
		samples++
		require.Equal(t, server.PID, sample.Process())
		require.NotZero(t, sample.TID)
		if sample.SpanID != [8]byte{} {
			inSpan++
			require.NotZero(t, sample.GoroutineID)
			require.Greater(t, sample.Frames(), 3)
		}
	}
	t.Logf("%d samples, %d of them in a span", samples, inSpan)
	require.Greater(t, inSpan, 20)
	require.LessOrEqual(t, counters(t, programs)[StackUnreadable], uint64(samples-inSpan))
}

// BenchmarkCPUSample is what the kernel measures of the program, without the
// timer's interrupt itself: by run, most of which are of other processes or idle
// threads that are not observed, and by delivered sample.
func BenchmarkCPUSample(b *testing.B) {
	programs, server := attachedTo(b, targettest.Build(b), Options{}, nil)
	statistics, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	require.NoError(b, err)
	defer statistics.Close()
	require.NoError(b, programs.SampleCPUs(time.Millisecond))
	for b.Loop() {
		_, _, err := server.Get("/burn?ms=500", nil)
		require.NoError(b, err)
	}
	require.NoError(b, programs.stopTimers())
	stats, err := programs.profile.CpuSample.Stats()
	require.NoError(b, err)
	values, err := programs.Counters()
	require.NoError(b, err)
	b.ReportMetric(float64(stats.Runtime)/float64(stats.RunCount), "ns/run")
	b.ReportMetric(float64(stats.Runtime)/float64(values[Records]), "ns/sample")
}
