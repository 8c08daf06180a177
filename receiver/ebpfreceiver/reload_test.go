// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// reloads are the receivers of one component ID, one after the other, as a
// Collector that reloads makes them.
type reloads struct {
	t     *testing.T
	heirs *heirs
	now   *harness
}

func newReloads(t *testing.T) *reloads {
	r := &reloads{t: t, heirs: newHeirs(10 * time.Minute)}
	t.Cleanup(func() { // after the last receiver has left
		for id := range maps.Clone(r.heirs.left) {
			require.NoError(t, r.heirs.take(id).close())
		}
	})
	return r
}

// to another configuration.
func (r *reloads) to(change func(*Config), targets ...TargetConfig) *harness {
	r.t.Helper()
	if r.now != nil {
		r.now.stop()
	}
	r.now = observeAfter(r.t, r.heirs, func(h *harness, s *sinks) {
		s.traces, s.logs, s.metrics = &h.traces, &h.logs, &h.metrics
	}, change, targets...)
	return r.now
}

// links are the IDs of the BPF links that this process has.
func links(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	require.NoError(t, err)
	var ids []string
	for _, file := range files {
		info, err := os.ReadFile(file)
		if err != nil {
			continue // closed since it was listed
		}
		if id := regexp.MustCompile(`(?m)^link_id:\s+(\d+)$`).FindSubmatch(info); id != nil {
			ids = append(ids, string(id[1]))
		}
	}
	slices.Sort(ids)
	return ids
}

// hang makes a request that stays open until the returned function is called.
func (h *harness) hang(target *targettest.Target) (end func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	done := make(chan struct{})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.URL+"/hang", nil)
	require.NoError(h.t, err)
	go func() {
		defer close(done)
		// Its error is the cancellation, or the end of the target.
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	require.Eventually(h.t, func() bool {
		open, err := h.receiver.programs.OpenSpans()
		return err == nil && open == 1
	}, patience, tick)
	return func() {
		cancel()
		<-done
	}
}

// until requests the path until the condition holds.
func (h *harness) until(target *targettest.Target, path string, holds func() bool) {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		_, _, err := target.Get(path, nil)
		return err == nil && holds()
	}, patience, tick)
}

func rateOf(n int) *int { return &n }

func TestAReloadKeepsProbesSpansAndCounts(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	r := newReloads(t)
	before := r.to(nil, TargetConfig{Executable: binary})
	before.awaitAttached(1)
	for range 10 {
		_, _, err := target.Get("/nothing", nil)
		require.NoError(t, err)
	}
	end := before.hang(target)
	attached := links(t)
	require.Greater(t, len(attached), 10)

	after := r.to(nil, TargetConfig{Executable: binary, SampleRate: rateOf(0), ServiceName: "renamed"})
	reloaded := time.Now()
	told := before.counter("records", "", "")
	require.GreaterOrEqual(t, told, int64(10))
	require.Len(t, before.spans(), 10, "what was told before is delivered before")
	after.until(target, "/nothing", func() bool { return after.counter("requests_unobserved", "reason", "sampled_out") >= 3 })
	end()
	span := after.awaitSpan("/hang")
	require.True(t, span.StartTimestamp().AsTime().Before(reloaded), "%v, reloaded %v", span.StartTimestamp().AsTime(), reloaded)
	require.Equal(t, "renamed", span.resource.AsRaw()["service.name"])
	source, _ := span.Attributes().Get("fathom.time.source")
	require.Equal(t, "exact", source.Str(), "its ledger saw all of it")
	require.Equal(t, attached, links(t), "the links are the same")
	require.Greater(t, after.counter("records", "", ""), told, "counts go on")
	require.EqualValues(t, 1, after.counter("processes_attached", "", ""))
	for _, h := range []*harness{before, after} {
		require.Zero(t, h.counter("records_dropped", "", ""))
	}

	again := r.to(nil, TargetConfig{Executable: binary})
	again.until(target, "/nothing", func() bool { return len(again.spans()) > 0 })
	require.Equal(t, attached, links(t))
	t.Logf("%d links through 2 reloads, %d and %d records", len(attached), told, again.counter("records", "", ""))
}

// What another configuration no longer wants is detached, and what it wants
// besides is attached.
func TestAReloadToOtherTargets(t *testing.T) {
	binary := targettest.Build(t)
	one, two := targettest.Start(t, binary), targettest.Start(t, binary)
	r := newReloads(t)
	r.to(nil, TargetConfig{Executable: "/nothing"}).awaitAttached(0)
	tracepoints := links(t)
	r.to(nil, TargetConfig{PID: one.PID}).awaitAttached(1)
	h := r.to(nil, TargetConfig{PID: two.PID})
	h.until(two, "/sleep/2", func() bool { return len(h.spans()) > 0 })
	h.awaitAttached(1)
	_, _, err := one.Get("/sleep/1", nil)
	require.NoError(t, err)
	h = r.to(nil, TargetConfig{Executable: binary})
	h.awaitAttached(2)
	for _, span := range r.now.spans() {
		require.EqualValues(t, two.PID, span.resource.AsRaw()["process.pid"])
	}
	h = r.to(nil, TargetConfig{Executable: "/nothing"})
	h.awaitAttached(0)
	require.NotEmpty(t, tracepoints)
	require.Equal(t, tracepoints, links(t), "the kernel's tracepoints stay")
}

// A process that ends, and one that starts, while no receiver runs.
func TestProcessesThatComeAndGoDuringAReload(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	r := newReloads(t)
	h := r.to(nil, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	end := h.hang(target)
	h.stop()
	target.Kill()
	end()
	target = targettest.Start(t, binary)
	h = r.to(nil, TargetConfig{Executable: binary})
	h.until(target, "/sleep/3", func() bool { return len(h.spans()) > 0 })
	h.awaitAttached(1)
	require.EqualValues(t, 1, h.counter("records_dropped", "reason", "process_detached"), "the request that it had open")
}

// Whose requests are observed changes without detaching.
func TestAReloadToOtherProtocols(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	r := newReloads(t)
	h := r.to(nil, TargetConfig{Executable: binary, Protocols: []string{"grpc"}})
	h.awaitAttached(1)
	grpc := links(t)
	h.until(target, "/sdk", func() bool { return len(h.events("fathom.span.ledger")) > 0 })
	require.Empty(t, h.spans())

	h = r.to(nil, TargetConfig{Executable: binary, Protocols: []string{"http"}})
	h.until(target, "/sleep/4", func() bool { return len(h.spans()) > 0 })
	both := links(t)
	require.Subset(t, both, grpc, "what was attached stays")
	require.Greater(t, len(both), len(grpc), "what was missing is attached")
	end := h.hang(target)

	h = r.to(nil, TargetConfig{Executable: binary, Protocols: []string{"grpc"}, ServiceName: "now"})
	h.until(target, "/gc", func() bool {
		stops := h.events("fathom.go.stop_the_world")
		return len(stops) > 0 && stops[len(stops)-1].resource.AsRaw()["service.name"] == "now"
	})
	seen := len(h.spans())
	_, _, err := target.Get("/sleep/5", nil)
	require.NoError(t, err)
	end()
	h.awaitSpan("/hang")
	require.Len(t, h.spans(), seen+1, "what began before is told, and nothing begins")
	require.Equal(t, both, links(t))
}

// Another mode of ledgers needs other probes: all is attached anew.
func TestAReloadOnOtherTermsBeginsAnew(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	r := newReloads(t)
	r.to(nil, TargetConfig{Executable: binary}).awaitAttached(1)
	for _, mode := range []string{ModeSampled, ModeGoverned, ModeExact} {
		before := links(t)
		h := r.to(func(c *Config) { c.Ledger.Mode = mode }, TargetConfig{Executable: binary})
		h.awaitAttached(1)
		require.Empty(t, intersection(before, links(t)), mode)
		h.until(target, "/sleep/6", func() bool { return len(h.spans()) > 0 })

		same := links(t)
		h = r.to(func(c *Config) { c.Ledger.Mode = mode; c.Runtime.Interval = time.Second }, TargetConfig{Executable: binary})
		h.until(target, "/sleep/7", func() bool { return len(h.spans()) > 0 })
		if mode != ModeGoverned { // which takes probes off and puts them back
			require.Equal(t, same, links(t), mode)
		}
	}
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// Nobody takes what the last receiver left: it does not stay.
func TestWhatNobodyTakesIsDetached(t *testing.T) {
	binary := targettest.Build(t)
	targettest.Start(t, binary)
	before, files := links(t), openFiles(t)
	r := newReloads(t)
	r.heirs.grace = 100 * time.Millisecond
	h := r.to(nil, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	require.NotEqual(t, before, links(t))
	h.stop()
	require.Eventually(t, func() bool { return slices.Equal(before, links(t)) && openFiles(t) <= files }, patience, tick,
		"links %s", strings.Join(links(t), " "))
	require.Nil(t, r.heirs.take(h.receiver.settings.ID))
}

// Two collectors in one process may have receivers of one ID.
func TestTheLastThatLeavesCounts(t *testing.T) {
	r := newReloads(t)
	before := links(t)
	one := r.to(nil, TargetConfig{Executable: "/one"})
	first := links(t)
	two := observeAfter(t, r.heirs, func(h *harness, s *sinks) { s.logs = &h.logs }, nil, TargetConfig{Executable: "/two"})
	both := links(t)
	assert.Len(t, both, len(before)+2*(len(first)-len(before)))
	one.stop()
	two.stop()
	require.Equal(t, len(first), len(links(t)))
	require.Empty(t, intersection(intersection(first, links(t)), slices.DeleteFunc(first, func(id string) bool { return slices.Contains(before, id) })))
}
