// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// attributeProcessor has the component ID, as it has on the Collector's own metrics
// of processors: without it, gauges of two processors would be one series.
const attributeProcessor = "processor"

// observeTally has the metrics of the store read from its tally, once for each
// collection.
func observeTally(b *metadata.TelemetryBuilder, id component.ID, tally func() join.Tally) error {
	processor := attribute.Stringer(attributeProcessor, id)
	return b.RegisterTally(func(_ context.Context, o metric.Observer) error {
		t := tally()
		observe := func(to metric.Int64Observable, n int64, attributes ...attribute.KeyValue) {
			o.ObserveInt64(to, n, metric.WithAttributes(append(attributes, processor)...))
		}
		observeRecords(b, observe, &t)
		for departure, n := range t.Departed {
			observe(b.ProcessorSpanEnrichmentSpansReleased, n, attribute.Stringer("reason", join.Departure(departure)))
		}
		observe(b.ProcessorSpanEnrichmentSpansHeld, t.Held)
		observe(b.ProcessorSpanEnrichmentMemory, t.Bytes)
		return nil
	})
}

// observeRecords leaves out keys and reasons that never occurred.
func observeRecords(b *metadata.TelemetryBuilder, observe func(metric.Int64Observable, int64, ...attribute.KeyValue), t *join.Tally) {
	for k := range join.Kind(join.NumKinds) {
		kind := attribute.Stringer("kind", k)
		observe(b.ProcessorSpanEnrichmentRecordsReceived, t.Received[k], kind)
		observe(b.ProcessorSpanEnrichmentRecordsPending, t.Pending[k], kind)
		for key, n := range t.Matched[k] {
			if n > 0 {
				observe(b.ProcessorSpanEnrichmentRecordsJoined, n, kind, attribute.Stringer("key", join.Key(key)))
			}
		}
		for reason, n := range t.Unjoined[k] {
			if n > 0 {
				observe(b.ProcessorSpanEnrichmentRecordsUnjoined, n, kind, attribute.Stringer("reason", join.Reason(reason)))
			}
		}
	}
	observe(b.ProcessorSpanEnrichmentRecordsStored, t.Stored)
}

// report adds what was written onto spans to the metrics.
func (e *enrichment) report(ctx context.Context, r report) {
	if r.enriched > 0 {
		e.telemetry.ProcessorSpanEnrichmentSpansEnriched.Add(ctx, r.enriched, e.processor)
	}
	if r.cut > 0 {
		e.telemetry.ProcessorSpanEnrichmentLedgersShortened.Add(ctx, r.cut, e.processor)
		e.telemetry.ProcessorSpanEnrichmentLedgerExcess.Add(ctx, r.excess, e.processor)
	}
}

// refused counts spans that were held and that downstream refused.
func (e *enrichment) refused(ctx context.Context, spans int) {
	e.telemetry.ProcessorSpanEnrichmentSpansRefused.Add(context.WithoutCancel(ctx), int64(spans), e.processor)
}
