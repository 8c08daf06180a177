// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sync/errgroup"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// scrape sums the points of each of the processor's metrics about records by
// kind, as one collection has them.
func (p *pipelines) scrape() map[string]map[string]int64 {
	p.t.Helper()
	var collected metricdata.ResourceMetrics
	require.NoError(p.t, p.telemetry.Reader.Collect(p.t.Context(), &collected))
	sums := map[string]map[string]int64{}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			sums[m.Name] = map[string]int64{}
			for _, point := range pointsOf(m) {
				kind, _ := point.Attributes.Value("kind")
				sums[m.Name][kind.String()] += point.Value
			}
		}
	}
	return sums
}

func pointsOf(m metricdata.Metrics) []metricdata.DataPoint[int64] {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		return data.DataPoints
	case metricdata.Gauge[int64]:
		return data.DataPoints
	default:
		return nil
	}
}

// trafficOf is the n-th batch of records of every kind, of which some will be joined,
// some will not, and some stay pending; and the spans to join.
func trafficOf(n int) (plog.Logs, ptrace.Traces) {
	trace := pcommon.TraceID{0: byte(n), 1: byte(n >> 8), 15: 1}
	ld, records := recordBatch(shop)
	start := float64(n) * 10
	for id := range byte(4) {
		addLedger(records, id+1, start, start+10, mutexLedger())
		addFile(records, events.FileOpen, "/etc/shop.toml", id+1, start, start+1)
		addRecord(records, events.FileFsync, start, start+1) // outside of any span
		addRecord(records, events.GCCycle, start+float64(id), start+float64(id)+0.5)
		addRecord(records, events.StopTheWorld, start+float64(id), start+float64(id)+0.1)
	}
	for _, record := range records.All() {
		if !record.TraceID().IsEmpty() {
			record.SetTraceID(trace)
		}
	}
	td, spans := spanBatch(shop)
	for id := range byte(2) {
		addSpan(spans, "checkout", id+1, start, start+2).SetTraceID(trace)
	}
	return ld, td
}

// sendUntil sends traffic from two sides until done is closed.
func (p *pipelines) sendUntil(done <-chan struct{}) *errgroup.Group {
	var senders errgroup.Group
	for sender := range 2 {
		senders.Go(func() error {
			for n := sender; ; n += 2 {
				select {
				case <-done:
					return nil
				default:
				}
				ld, td := trafficOf(n)
				if err := p.logs.ConsumeLogs(p.t.Context(), ld); err != nil {
					return err
				}
				if err := p.traces.ConsumeTraces(p.t.Context(), td); err != nil {
					return err
				}
			}
		})
	}
	return &senders
}

// TestAScrapeAddsUp: however much comes while it is taken.
func TestAScrapeAddsUp(t *testing.T) {
	const prefix = "otelcol_processor_span_enrichment_records_"
	config := testConfig()
	config.Wait = 0
	p := startPipelines(t, config, nil)
	done := make(chan struct{})
	senders := p.sendUntil(done)
	var received []int64
	enough := func() bool {
		n := len(received)
		return n >= 200 && received[n-1] >= received[0]+1000
	}
	for began := time.Now(); !enough() && !t.Failed() && time.Since(began) < 30*time.Second; {
		sums := p.scrape()
		for kind := range join.Kind(join.NumKinds) {
			name := kind.String()
			accounted := sums[prefix+"joined"][name] + sums[prefix+"unjoined"][name] + sums[prefix+"pending"][name]
			assert.Equal(t, sums[prefix+"received"][name], accounted, "scrape %d: %s", len(received), name)
		}
		received = append(received, sums[prefix+"received"]["ledger"])
	}
	close(done)
	require.NoError(t, senders.Wait())
	assert.True(t, enough() || t.Failed(), "%d scrapes; too little came meanwhile", len(received))
	sums := p.scrape()
	assert.Positive(t, sums[prefix+"joined"]["gc_cycle"])
	assert.Positive(t, sums[prefix+"unjoined"]["file"])
	assert.Positive(t, sums[prefix+"pending"]["ledger"])
}

// TestFileEventsOutsideOfSpansAreNotLost: they are the usual work of a process,
// and go on as log records.
func TestFileEventsOutsideOfSpansAreNotLost(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addRecord(records, events.FileOpen, 0, 1)
	p.sendLogs(ld)
	assert.Equal(t, 1, p.logsOut.LogRecordCount())
	assert.Equal(t, int64(1), p.metric("records_unjoined", kind("file"), reason("no_trace")))
	for name := range p.scrape() {
		assert.NotContains(t, name, "dropped")
	}
}

// TestTwoProcessorsAreToldApart: each series has the component ID, in the pipelines
// of one collector, so that neither hides the other's and no gauge is of both.
func TestTwoProcessorsAreToldApart(t *testing.T) {
	factory, telemetry, config := NewFactory(), newTelemetry(t), testConfig()
	ids := []component.ID{component.NewID(metadata.Type), component.NewIDWithName(metadata.Type, "edge")}
	for i, id := range ids {
		p := startPipelinesOf(t, factory, id, telemetry, config, nil)
		for n := range 2*i + 1 {
			ld, td := trafficOf(n)
			p.sendLogs(ld)
			p.sendSpans(td)
		}
		refused := startPipelinesOf(t, factory, id, telemetry, config, consumertest.NewErr(errors.New("no")))
		refused.sendSpans(oneSpan(shop, "held", 99, 0, 10))
		require.Eventually(t, func() bool {
			return p.metric("spans_refused", attribute.Stringer("processor", id)) == 1
		}, 30*time.Second, time.Millisecond)
	}
	var collected metricdata.ResourceMetrics
	require.NoError(t, telemetry.Reader.Collect(t.Context(), &collected))
	values := map[string]map[string]int64{}
	for _, scope := range collected.ScopeMetrics {
		for _, m := range scope.Metrics {
			values[m.Name] = map[string]int64{}
			for _, point := range pointsOf(m) {
				id, has := point.Attributes.Value("processor")
				require.True(t, has, "%s: %v", m.Name, point.Attributes)
				values[m.Name][id.AsString()] += point.Value
			}
		}
	}
	t.Log(values)
	require.Len(t, values, 12, "all that there are")
	for name, of := range values {
		require.Len(t, of, 2, name)
	}
	for _, name := range []string{"records_received", "records_stored", "spans_enriched", "ledgers_shortened"} {
		of := values["otelcol_processor_span_enrichment_"+name]
		assert.Positive(t, of[ids[0].String()], name)
		assert.Equal(t, 3*of[ids[0].String()], of[ids[1].String()], name)
	}
}
