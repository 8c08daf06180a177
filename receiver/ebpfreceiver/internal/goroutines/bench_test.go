// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// BenchmarkDump reads all goroutines of a process that waits, with their stacks
// and their places in the source, as of the second dump.
func BenchmarkDump(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := start(b, build{}.target(b))
			p.do(fmt.Sprint("park ", n))
			tracker := NewTracker(DefaultLimits(), time.Now())
			read := func() { require.NoError(b, p.reader.Read(p.target, tracker, time.Now())) }
			read()
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				read()
			}
			used := cpuTime(b) - before
			require.Equal(b, n+1, tracker.Live())
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/float64(n), "cpu-ns/goroutine")
		})
	}
}

// cpuTime is what the reader has used of the CPUs: on a machine that does other
// work, a dump takes longer than that.
func cpuTime(b *testing.B) time.Duration {
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkOwnProfile is what the same costs the process itself.
func BenchmarkOwnProfile(b *testing.B) {
	p := start(b, build{}.target(b))
	p.do("park 10000")
	for b.Loop() {
		p.profile()
	}
}

func BenchmarkWatch(b *testing.B) {
	f, layout := follow(DefaultLimits()), tableLayout()
	watch := NewWatch(Rule{Threshold: 5000, Growth: 100, Dumps: 6})
	var sightings []sighting
	for id := range uint64(2000) {
		sightings = append(sightings, sight(id, Key{Created: id, Top: 0x200, State: 19}, 0))
	}
	for range MaxDumps {
		f.dump(sightings...)
	}
	b.ReportAllocs()
	for b.Loop() {
		watch.Leaks(f.Tracker, layout)
	}
}
