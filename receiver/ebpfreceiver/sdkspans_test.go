// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// makeSpans lets the target make spans and returns what its SDK says of them.
func makeSpans(t *testing.T, target *targettest.Target, query string) map[string]sdkTruth {
	t.Helper()
	return truthsOf(t, target, "/spans?"+query)
}

// truthsOf are what the target answers of the spans that it makes.
func truthsOf(t *testing.T, target *targettest.Target, path string) map[string]sdkTruth {
	t.Helper()
	body, status, err := target.Get(path, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, body)
	var all []sdkTruth
	require.NoError(t, json.Unmarshal([]byte(body), &all))
	truths := make(map[string]sdkTruth, len(all))
	for _, truth := range all {
		slices.Sort(truth.Resource)
		truths[truth.ID] = truth
	}
	return truths
}

// awaitSDKSpans waits until there are n spans of the SDK.
func (h *harness) awaitSDKSpans(n int) []sdkSeen {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return len(h.sdkSpans()) >= n }, patience, tick)
	return h.sdkSpans()
}

// lostSDKSpans counts the spans that were not delivered.
func (h *harness) lostSDKSpans() int64 {
	h.t.Helper()
	var sum int64
	for _, reason := range []string{"buffer_full", "goroutines_full", "scratch_busy", "span_unreadable"} {
		sum += h.counter("kernel_records_dropped", "reason", reason)
	}
	return sum
}

// requireAccounted: a span was delivered, or counted as lost. Where the buffer was
// full, stops of the world and the like are among the lost, the more the longer it was.
func (h *harness) requireAccounted(made, delivered int) {
	h.t.Helper()
	lost := h.lostSDKSpans()
	require.InDelta(h.t, made, int64(delivered)+lost, 100+float64(lost)/100)
}

// Every span that an SDK makes is told as the SDK itself says it, whether it has an
// exporter or not, by releases from the first to the newest that are supported, and
// where only the table of offsets knows how the SDK is laid out.
func TestSDKSpansAreToldWhole(t *testing.T) {
	for name, args := range map[string][]string{
		"v1.16.0": nil, "v1.24.0": nil, "v1.31.0": nil, "v1.38.0": nil, "v1.40.0": nil, "v1.47.0": nil,
		"v1.24.0 stripped": {"-ldflags=-s -w"}, "v1.47.0 stripped PIE": {"-buildmode=pie", "-ldflags=-s -w"},
	} {
		t.Run(name, func(t *testing.T) {
			release, _, _ := strings.Cut(name, " ")
			binary := targettest.BuildSDKSpans(t, release, args...)
			h := observe(t, func(c *Config) { c.SDKSpans = true }, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			truths := makeSpans(t, target, "seed=1&n=400")
			h.awaitSDKSpans(len(truths))
			maps.Copy(truths, makeSpans(t, target, "seed=2&n=400&provider=exporting"))
			seen := h.awaitSDKSpans(len(truths))
			ledgers := 0
			for _, span := range seen {
				id := span.SpanID().String()
				truth, ok := truths[id]
				require.True(t, ok, "no span, or told twice: %s", span.Name())
				delete(truths, id)
				require.Equal(t, truth, span.truth(), span.Name())
				if l, _, ok := ledger.FromAttributes(span.Attributes()); ok {
					ledgers++
					require.Equal(t, uint64(max(0, int64(span.EndTimestamp()-span.StartTimestamp()))), l.Total(), "the ledger sums to the duration")
				}
				require.EqualValues(t, target.PID, span.resource.AsRaw()["process.pid"])
				require.Equal(t, binary, span.resource.AsRaw()["process.executable.path"])
			}
			require.Empty(t, truths, "spans that were not told")
			require.Zero(t, h.counter("sdk_spans_cut", "", ""))
			require.Zero(t, h.lostSDKSpans())
			require.Empty(t, h.events("fathom.span.ledger"), "the ledger is on the span")
			t.Logf("%s: %d spans are equal field by field, %d have a ledger", name, len(seen), ledgers)
			require.Greater(t, ledgers, len(seen)/2)
		})
	}
}

// What is larger than the receiver copies is cut, and each cut is counted.
func TestLargeSDKSpansAreCut(t *testing.T) {
	binary := targettest.BuildSDKSpans(t, "v1.47.0")
	h := observe(t, func(c *Config) { c.SDKSpans = true }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	truths := map[string]sdkTruth{}
	for seed := 3; seed <= 6; seed++ { // the buffer has not room for all at once
		maps.Copy(truths, makeSpans(t, target, fmt.Sprintf("seed=%d&n=50&provider=limitless", seed)))
		h.awaitSDKSpans(len(truths))
	}
	require.Zero(t, h.lostSDKSpans())
	whole, attributes, events, links := 0, 0, 0, 0
	for _, span := range h.sdkSpans() {
		truth, got := truths[span.SpanID().String()], span.truth()
		require.Equal(t, truth.DroppedEvents+len(truth.Events), got.DroppedEvents+len(got.Events), "events")
		require.Equal(t, truth.DroppedLinks+len(truth.Links), got.DroppedLinks+len(got.Links), "links")
		if got.DroppedAttributes == 0 {
			require.Len(t, got.Attributes, len(truth.Attributes))
		}
		attributes += got.DroppedAttributes - truth.DroppedAttributes
		events += got.DroppedEvents - truth.DroppedEvents
		links += got.DroppedLinks - truth.DroppedLinks
		if fmt.Sprint(got) == fmt.Sprint(truth) {
			whole++
		}
	}
	for part, n := range map[string]int{"event": events, "link": links} {
		require.EqualValues(t, n, h.counter("sdk_spans_cut", "part", part), part)
	}
	require.GreaterOrEqual(t, h.counter("sdk_spans_cut", "part", "attribute"), int64(attributes))
	require.Positive(t, h.counter("sdk_spans_cut", "part", "text"))
	require.Positive(t, attributes)
	require.Positive(t, events)
	require.Greater(t, whole, len(truths)/2)
	t.Logf("%d of %d spans are whole; cut: %d attributes, %d events, %d texts", whole, len(truths), attributes, events,
		h.counter("sdk_spans_cut", "part", "text"))
}

// Of a burst, every span is delivered or counted.
func TestBurstOfSDKSpans(t *testing.T) {
	const n = 20_000
	binary := targettest.BuildSDKSpans(t, "v1.47.0")
	h := observe(t, func(c *Config) { c.SDKSpans = true }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	begin := time.Now()
	_, _, err := target.Get(fmt.Sprintf("/burst?n=%d", n), nil)
	require.NoError(t, err)
	took := time.Since(begin)
	require.Eventually(t, func() bool { return int64(len(h.sdkSpans()))+h.lostSDKSpans() >= n }, patience, tick)
	seen := map[string]bool{}
	for _, span := range h.sdkSpans() {
		seen[span.SpanID().String()] = true
		require.Equal(t, 5, len(span.truth().Attributes)-1)
		require.Equal(t, "burst@", span.truth().Scope)
	}
	t.Logf("%d spans in %v (%.0f/s): %d delivered, %d counted as lost", n, took, float64(n)/took.Seconds(), len(seen), h.lostSDKSpans())
	require.LessOrEqual(t, len(seen), n)
	h.requireAccounted(n, len(seen))
}

// The governor leaves a process the probes that tell its SDK's spans, though they
// cost more than the budget.
func TestSDKSpansAreToldWhateverTheyCost(t *testing.T) {
	const atOnce = 200
	binary := targettest.BuildSDKSpans(t, "v1.47.0")
	h := observe(t, func(c *Config) {
		c.SDKSpans, c.Ledger.Mode, c.Budget.CPUPercent = true, ModeGoverned, 1
	}, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	made := 0
	burst := func() {
		_, _, err := target.Get(fmt.Sprintf("/burst?n=%d", atOnce), nil)
		require.NoError(t, err)
		made += atOnce
	}
	require.Eventually(t, func() bool {
		burst()
		return h.counter("governor_switches", "tier", "spans") > 0
	}, patience, tick, "those on the scheduler are taken off")
	// Then nothing pays for the others either.
	for before := h.spent(); h.spent().own < before.own+1; {
		burst()
	}
	require.Eventually(t, func() bool { return int64(len(h.sdkSpans()))+h.lostSDKSpans() >= int64(made) }, patience, tick)
	s := h.spent()
	t.Logf("%d spans made, %d delivered, %d counted as lost; probes cost %.0f %% of %.1f s of CPU: %s",
		made, len(h.sdkSpans()), h.lostSDKSpans(), 100*s.cost/s.own, s.own, h.tiers())
	h.requireAccounted(made, len(h.sdkSpans()))
	require.Zero(t, h.counter("governor_switches", "tier", "none"))
	require.Greater(t, s.cost/s.own, 0.02, "they cost more than the budget")
}

func TestSDKSpansOfSomeTargets(t *testing.T) {
	binary := targettest.BuildSDKSpans(t, "v1.47.0")
	no := false
	h := observe(t, func(c *Config) { c.SDKSpans = true }, TargetConfig{Executable: binary, SDKSpans: &no})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	truths := makeSpans(t, target, "seed=1&n=50")
	require.Eventually(t, func() bool { return len(h.events("fathom.span.ledger")) > len(truths)/2 }, patience, tick)
	require.Empty(t, h.sdkSpans())
}
