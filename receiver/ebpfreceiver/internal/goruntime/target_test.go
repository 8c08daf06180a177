// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// toolchainsEnvironment names further toolchains to build the target with, such
// as "go1.23.4 go1.24.10 go1.25.5". The go command fetches them.
const toolchainsEnvironment = "FATHOM_GO_TOOLCHAINS"

// build is one way in which the target is built.
type build struct {
	toolchain string // empty for the one that runs the tests
	flags     []string
}

func builds() map[string]build {
	all := map[string]build{
		"plain": {},
		"pie":   {flags: []string{"-buildmode=pie"}},
	}
	for toolchain := range strings.FieldsSeq(os.Getenv(toolchainsEnvironment)) {
		all[toolchain] = build{toolchain: toolchain}
		all[toolchain+" pie"] = build{toolchain: toolchain, flags: []string{"-buildmode=pie"}}
	}
	return all
}

// target builds the target and returns its path.
func (b build) target(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	source, err := os.ReadFile("testdata/target/main.go")
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "main.go"), source, 0o644))
	require.NoError(tb, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module target\n\ngo 1.23\n"), 0o644))
	path := filepath.Join(dir, "target")
	cmd := exec.Command("go", append(append([]string{"build"}, b.flags...), "-o", path, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if b.toolchain != "" {
		cmd.Env = append(cmd.Env, "GOTOOLCHAIN="+b.toolchain)
	}
	output, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", output)
	return path
}

// target is a running program that tells its own runtime/metrics.
type target struct {
	tb     testing.TB
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pid    int
	layout *Layout
	reader *Reader
}

// start runs the program at path and prepares to read it.
func start(tb testing.TB, path string) *target {
	tb.Helper()
	names := []string{}
	for _, d := range Definitions() {
		names = append(names, d.Sources...)
	}
	cmd := exec.Command(path, names...)
	stdin, err := cmd.StdinPipe()
	require.NoError(tb, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	cmd.Stderr = os.Stderr
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() {
		assert.NoError(tb, stdin.Close())
		assert.NoError(tb, cmd.Wait())
	})
	t := &target{tb: tb, stdin: stdin, stdout: bufio.NewReader(stdout), pid: cmd.Process.Pid}
	t.truth() // the process is past its execve, and its runtime/metrics are initialized
	t.attach(path)
	return t
}

func (t *target) attach(path string) {
	t.tb.Helper()
	binary, err := goexec.Open(path)
	require.NoError(t.tb, err)
	defer func() { assert.NoError(t.tb, binary.Close()) }()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", t.pid))
	require.NoError(t.tb, err)
	defer func() { assert.NoError(t.tb, maps.Close()) }()
	bias, err := binary.LoadBias(maps)
	require.NoError(t.tb, err)
	t.layout = Resolve(binary)
	memory, err := procmem.Open(t.pid)
	require.NoError(t.tb, err)
	t.tb.Cleanup(func() { assert.NoError(t.tb, memory.Close()) })
	t.reader = NewReader(t.layout, memory, bias)
}

func (t *target) command(text string) string {
	t.tb.Helper()
	_, err := fmt.Fprintln(t.stdin, text)
	require.NoError(t.tb, err)
	line, err := t.stdout.ReadString('\n')
	require.NoError(t.tb, err)
	return line
}

func (t *target) do(commands ...string) {
	t.tb.Helper()
	for _, c := range commands {
		require.Equal(t.tb, "ok\n", t.command(c))
	}
}

// values are all numbers of all metrics: integers, and the buckets and bounds
// of the histograms.
type values struct {
	ints    map[string]int64
	buckets map[string][]uint64
	bounds  map[string][]float64
}

// observed takes a snapshot and reads the metrics made of it.
func (t *target) observed() values {
	t.tb.Helper()
	var s Snapshot
	require.NoError(t.tb, t.reader.Read(&s))
	metrics := pmetric.NewMetricSlice()
	s.AppendTo(metrics, time.Unix(1, 0), time.Unix(2, 0))
	v := values{map[string]int64{}, map[string][]uint64{}, map[string][]float64{}}
	for _, m := range metrics.All() {
		if m.Type() == pmetric.MetricTypeHistogram {
			point := m.Histogram().DataPoints().At(0)
			v.buckets[m.Name()] = point.BucketCounts().AsRaw()
			v.bounds[m.Name()] = point.ExplicitBounds().AsRaw()
			continue
		}
		for _, point := range m.Sum().DataPoints().All() {
			name := m.Name()
			if kind, ok := point.Attributes().Get(MemoryType); ok {
				name += kind.Str()
			}
			v.ints[name] = point.IntValue()
		}
	}
	return v
}

// still waits until the target's numbers have not changed for a while: until
// the sweeper and the scavenger are done.
func (t *target) still() values {
	t.tb.Helper()
	last := t.observed()
	require.Eventually(t.tb, func() bool {
		before := last
		last = t.observed()
		return assert.ObjectsAreEqual(before, last)
	}, 30*time.Second, 100*time.Millisecond, "the idle target does not come to rest")
	return last
}

// truth asks the target for its runtime/metrics and computes from them what
// contrib's instrumentation does.
func (t *target) truth() values {
	t.tb.Helper()
	var told struct {
		Ints       map[string]uint64
		Histograms map[string]struct{ Bounds, Counts []uint64 }
	}
	require.NoError(t.tb, json.Unmarshal([]byte(t.command("read")), &told))
	v := values{map[string]int64{}, map[string][]uint64{}, map[string][]float64{}}
	number := func(name string) int64 {
		require.Contains(t.tb, told.Ints, name)
		if n := told.Ints[name]; n <= math.MaxInt64 {
			return int64(n)
		}
		return math.MaxInt64
	}
	stacks := number("/memory/classes/heap/stacks:bytes")
	v.ints["go.memory.usedstack"] = stacks
	v.ints["go.memory.usedother"] = number("/memory/classes/total:bytes") - number("/memory/classes/heap/released:bytes") - stacks
	if limit := number("/gc/gomemlimit:bytes"); limit != math.MaxInt64 {
		v.ints["go.memory.limit"] = limit
	}
	v.ints["go.memory.allocated"] = number("/gc/heap/allocs:bytes")
	v.ints["go.memory.allocations"] = number("/gc/heap/allocs:objects")
	v.ints["go.memory.gc.goal"] = number("/gc/heap/goal:bytes")
	v.ints["go.memory.gc.cycles"] = number("/gc/cycles/total:gc-cycles")
	v.ints["go.goroutine.count"] = number("/sched/goroutines:goroutines")
	v.ints["go.processor.limit"] = number("/sched/gomaxprocs:threads")
	v.ints["go.config.gogc"] = number("/gc/gogc:percent")
	for ours, theirs := range map[string]string{
		"go.schedule.duration":        "/sched/latencies:seconds",
		"go.memory.gc.pause.duration": "/sched/pauses/total/gc:seconds",
	} {
		h := told.Histograms[theirs]
		v.buckets[ours] = h.Counts
		for _, bits := range h.Bounds[1 : len(h.Bounds)-1] { // without the infinities
			v.bounds[ours] = append(v.bounds[ours], math.Float64frombits(bits))
		}
	}
	return v
}
