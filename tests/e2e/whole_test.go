// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// TestShop observes one shop with one agent, in all its parts.
func TestShop(t *testing.T) {
	dir := workDir(t)
	whole := startWhole(t, dir)
	whole.awaitObserved()
	t.Run("every span is there once", whole.in(testSpans))
	t.Run("the injected cause dominates", whole.in(testCauses))
	t.Run("fsync carries the trace", whole.in(testFsync))
	t.Run("the referee agrees", whole.in(testReferee))
	t.Run("runtime metrics", whole.in(testRuntimes))
	t.Run("the parts of each ledger sum to its span", whole.in(testSums))
	t.Run("nothing was lost", whole.in(testNothingLost))
	for _, name := range services() {
		whole.shop.processes[name].stop()
	}
	whole.agent.stop()
}

// whole is an agent with a ClickHouse and a shop.
type whole struct {
	t     *testing.T
	dir   string
	agent *agent
	shop  *shop
	store *store
}

func startWhole(t *testing.T, dir string) *whole {
	t.Helper()
	a := startAgent(t, dir, setup{Targets: []string{shopGlob(t)}})
	return &whole{t: t, dir: dir, agent: a, shop: startShop(t, dir, a.otlp), store: openStore(t, a.clickhouse)}
}

// in runs a test on the same processes.
func (w *whole) in(test func(*testing.T, *whole)) func(*testing.T) {
	return func(t *testing.T) {
		agent, shop, store := *w.agent, *w.shop, *w.store
		shop.t, store.t = t, t
		test(t, &whole{t: t, dir: w.dir, agent: &agent, shop: &shop, store: &store})
	}
}

// awaitObserved waits until the services are observed and only they.
func (w *whole) awaitObserved() {
	w.t.Helper()
	began := time.Now()
	w.awaitAttached(len(services()))
	w.awaitLedgers()
	w.store.settle()
	w.t.Logf("all services are observed after %v", time.Since(began).Round(time.Millisecond))
}

// awaitAttached waits until so many processes have probes.
func (w *whole) awaitAttached(processes int) {
	w.t.Helper()
	await(w.t, func() bool {
		return w.agent.counter("otelcol_receiver_ebpf_processes_attached") == float64(processes)
	}, "the agent's log is %s", w.agent.log)
}

// awaitLedgers sends orders until each service has a span with a ledger.
func (w *whole) awaitLedgers() {
	w.t.Helper()
	await(w.t, func() bool {
		w.shop.order("", "", 0)
		n, err := w.store.tryNumber(fmt.Sprintf(
			"SELECT uniqExact(ServiceName) FROM otel_traces WHERE SpanKind = 'Server' AND mapContains(SpanAttributes, '%s')", ledger.AttributeSource))
		return err == nil && n == uint64(len(services()))
	}, "not all services are observed; the agent's log is %s", w.agent.log)
}

// lost are the agent's counters of what was seen or accepted and is gone.
func lost() []string {
	return []string{
		"otelcol_receiver_ebpf_records_dropped", "otelcol_receiver_ebpf_kernel_records_dropped",
		"otelcol_receiver_refused_spans", "otelcol_receiver_refused_log_records", "otelcol_receiver_refused_metric_points",
		"otelcol_exporter_send_failed_spans", "otelcol_exporter_send_failed_log_records", "otelcol_exporter_send_failed_metric_points",
		"otelcol_processor_span_enrichment_spans_refused", "otelcol_exporter_clickhouse_rows_refused",
		"otelcol_exporter_enqueue_failed_spans", "otelcol_exporter_enqueue_failed_log_records", "otelcol_exporter_enqueue_failed_metric_points",
	}
}

func testNothingLost(t *testing.T, w *whole) {
	require.Positive(t, w.agent.counter("otelcol_receiver_accepted_spans"), "the agent counts")
	for _, name := range lost() {
		require.Zero(t, w.agent.counter(name), name)
	}
	t.Logf("of %.0f records of the kernel and %.0f accepted spans nothing was lost",
		w.agent.counter("otelcol_receiver_ebpf_records"), w.agent.counter("otelcol_receiver_accepted_spans"))
	for _, reason := range []string{"joined", "wait", "memory"} {
		t.Logf("spans that waited for their ledger until %s: %.0f", reason,
			w.agent.counter("otelcol_processor_span_enrichment_spans_released", `reason="`+reason+`"`))
	}
}
