// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// enriched picks pipelines of traces and logs with the span_enrichment processor
// before the harness's sinks.
func enriched(t *testing.T) func(*harness, *sinks) {
	return func(h *harness, s *sinks) {
		factory := spanenrichmentprocessor.NewFactory()
		set, config := processortest.NewNopSettings(factory.Type()), factory.CreateDefaultConfig()
		traces, err := factory.CreateTraces(t.Context(), set, config, &h.traces)
		require.NoError(t, err)
		logs, err := factory.CreateLogs(t.Context(), set, config, &h.logs)
		require.NoError(t, err)
		for _, c := range []component.Component{traces, logs} {
			require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
			t.Cleanup(func() { assert.NoError(t, c.Shutdown(context.Background())) })
		}
		s.traces, s.logs, s.metrics = traces, logs, &h.metrics
	}
}

// The spans of a process without an exporter come out of the span_enrichment
// processor as their SDK says them, once, with their ledger and what the kernel saw
// of their files. So do those of the process that is killed right after they ended,
// and those of the one that is started in its place.
func TestSDKSpansAreEnriched(t *testing.T) {
	const n = 50
	binary := targettest.BuildSDKSpans(t, "v1.47.0")
	h := observeFor(t, enriched(t), func(c *Config) {
		c.SDKSpans, c.Events.File.MinDuration = true, 0
	}, TargetConfig{Executable: binary})
	path := filepath.Join(t.TempDir(), "wal")
	truths, pids := map[string]sdkTruth{}, map[string]int{}
	for life := range 3 {
		target := targettest.Start(t, binary)
		h.awaitAttached(1)
		made := truthsOf(t, target, fmt.Sprintf("/synced?n=%d&path=%s", n, path))
		require.Len(t, made, n)
		for id := range made {
			pids[id] = target.PID
		}
		maps.Copy(truths, made)
		if life == 1 { // only in this life they are told before its end
			h.awaitSDKSpans(len(truths))
		}
		target.Kill()
		h.awaitAttached(0)
	}
	h.awaitSDKSpans(len(truths))
	h.stop() // whatever would come twice has come
	seen := h.sdkSpans()
	t.Logf("%d spans of %d are there", len(seen), len(truths))
	for _, span := range seen {
		id := span.SpanID().String()
		truth, ok := truths[id]
		require.True(t, ok, "told twice: %s", id)
		delete(truths, id)
		checkEnriched(t, span, truth, path, pids[id])
	}
	require.Empty(t, truths, "spans that were not told")
	require.Zero(t, h.lostSDKSpans())
	require.Empty(t, h.events(events.SpanLedger), "the ledger is on the span")
}

// checkEnriched compares a span with what its SDK says of it, and looks for what
// was added.
func checkEnriched(t *testing.T, span sdkSeen, truth sdkTruth, path string, pid int) {
	t.Helper()
	l, _, ok := ledger.FromAttributes(span.Attributes())
	require.True(t, ok, "the span has a ledger")
	require.EqualValues(t, truth.End-truth.Start, l.Total(), "the ledger sums to the duration")
	require.Positive(t, l[ledger.SyscallFile], "the span writes a file")
	operations := map[string]int{}
	for _, event := range span.Events().All() {
		if !strings.HasPrefix(event.Name(), "fathom.file.") {
			continue // the SDK's, or a wait for a CPU
		}
		operations[event.Name()]++
		require.GreaterOrEqual(t, event.Timestamp(), span.StartTimestamp())
		require.LessOrEqual(t, event.Timestamp(), span.EndTimestamp())
		require.Equal(t, path, event.Attributes().AsRaw()[events.FilePath])
	}
	require.Subset(t, operations, map[string]int{events.FileOpen: 1, events.FileWrite: 1, events.FileFsync: 1})
	require.EqualValues(t, pid, span.resource.AsRaw()[events.ProcessID])
	got := span.truth()
	got.Attributes = slices.DeleteFunc(got.Attributes, func(word string) bool { return strings.HasPrefix(word, `"`+events.FilePath+`"=`) })
	got.Events = slices.DeleteFunc(got.Events, func(word string) bool { return strings.HasPrefix(word, "fathom.") })
	require.Equal(t, truth, got, "as the SDK says it")
}
