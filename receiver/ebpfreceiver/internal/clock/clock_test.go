// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package clock

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMonotonicIsTheKernelsClock(t *testing.T) {
	for range 100 {
		before := Monotonic()
		var now unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
		after := Monotonic()
		require.LessOrEqual(t, before, uint64(now.Nano()))
		require.LessOrEqual(t, uint64(now.Nano()), after)
	}
}

func TestCPUTimeIsOfAllThreads(t *testing.T) {
	before, err := CPUTime(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, before)
	const want = 20 * time.Millisecond
	used := func() time.Duration {
		now, err := CPUTime(os.Getpid())
		require.NoError(t, err)
		return now - before
	}
	for deadline := time.Now().Add(time.Minute); used() < want; {
		require.True(t, time.Now().Before(deadline), "a process that computes uses CPU time")
	}
}

func TestCPUTimeOfNoProcess(t *testing.T) {
	_, err := CPUTime(math.MaxInt32 >> 3)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "reading the CPU time of process 268435455")
}

func BenchmarkMonotonic(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Monotonic()
	}
}
