// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package overhead

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// reportPrograms prints how often each BPF program of the agent runs for a request and
// for how long, the two reads of the clock included that the kernel's statistics make.
// Those of tracepoints run for the client, too, and for whatever else the machine does.
func reportPrograms(b *testing.B, programs string, pid int, url string, rate float64) {
	b.Helper()
	for _, v := range variants() {
		if v.mode == "" {
			continue
		}
		runs, requests := runsOf(b, v, programs, pid, url, rate)
		fmt.Printf("%-24s %9s %9s %9s\n", v.name+", by program", "runs/req", "ns/run", "µs/req")
		var sum float64
		for _, name := range slices.Sorted(maps.Keys(runs)) {
			r := runs[name]
			took := float64(r.Runtime.Nanoseconds())
			sum += took / 1000 / requests
			fmt.Printf("%-24s %9.2f %9.0f %9.2f\n", name, float64(r.RunCount)/requests, took/float64(r.RunCount), took/1000/requests)
		}
		fmt.Printf("%-24s %9s %9s %9.2f\n\n", "all", "", "", sum)
	}
}

// runsOf are the runs under load, by program, and the number of requests.
func runsOf(b *testing.B, v variant, programs string, pid int, url string, rate float64) (map[string]ebpf.ProgramStats, float64) {
	b.Helper()
	a := observe(b, v, programs, pid)
	defer a.end()
	drive(b, url, pid, connections, rate, warmUp)
	statistics, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	require.NoError(b, err)
	defer func() { require.NoError(b, statistics.Close()) }()
	before := programRuns(b)
	load := drive(b, url, pid, connections, rate, period)
	runs := programRuns(b)
	for name, r := range runs {
		r.RunCount -= before[name].RunCount
		r.Runtime -= before[name].Runtime
		if runs[name] = r; r.RunCount == 0 {
			delete(runs, name)
		}
	}
	return runs, float64(load.requests)
}

// programRuns are those of all programs that are loaded, by name.
func programRuns(b *testing.B) map[string]ebpf.ProgramStats {
	b.Helper()
	runs := map[string]ebpf.ProgramStats{}
	for id := ebpf.ProgramID(0); ; {
		next, err := ebpf.ProgramGetNextID(id)
		if errors.Is(err, os.ErrNotExist) {
			return runs
		}
		require.NoError(b, err)
		id = next
		program, err := ebpf.NewProgramFromID(id)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has gone
		}
		require.NoError(b, err)
		info, err := program.Info()
		require.NoError(b, err)
		stats, err := program.Stats()
		require.NoError(b, errors.Join(err, program.Close()))
		sum := runs[info.Name]
		sum.RunCount += stats.RunCount
		sum.Runtime += stats.Runtime
		runs[info.Name] = sum
	}
}
