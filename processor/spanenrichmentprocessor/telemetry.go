// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// observeTally has the metrics of the store read from its tally, once for each
// collection.
func observeTally(b *metadata.TelemetryBuilder, tally func() join.Tally) error {
	return b.RegisterTally(func(_ context.Context, o metric.Observer) error {
		t := tally()
		observeRecords(b, o, &t)
		for departure, n := range t.Departed {
			observe(o, b.ProcessorSpanEnrichmentSpansReleased, n, attribute.Stringer("reason", join.Departure(departure)))
		}
		observe(o, b.ProcessorSpanEnrichmentSpansHeld, t.Held)
		observe(o, b.ProcessorSpanEnrichmentMemory, t.Bytes)
		return nil
	})
}

// observeRecords leaves out keys and reasons that never occurred.
func observeRecords(b *metadata.TelemetryBuilder, o metric.Observer, t *join.Tally) {
	for k := range join.Kind(join.NumKinds) {
		kind := attribute.Stringer("kind", k)
		observe(o, b.ProcessorSpanEnrichmentRecordsReceived, t.Received[k], kind)
		observe(o, b.ProcessorSpanEnrichmentRecordsPending, t.Pending[k], kind)
		for key, n := range t.Matched[k] {
			if n > 0 {
				observe(o, b.ProcessorSpanEnrichmentRecordsJoined, n, kind, attribute.Stringer("key", join.Key(key)))
			}
		}
		for reason, n := range t.Unjoined[k] {
			if n > 0 {
				observe(o, b.ProcessorSpanEnrichmentRecordsUnjoined, n, kind, attribute.Stringer("reason", join.Reason(reason)))
			}
		}
	}
	observe(o, b.ProcessorSpanEnrichmentRecordsStored, t.Stored)
}

func observe(o metric.Observer, to metric.Int64Observable, n int64, attributes ...attribute.KeyValue) {
	o.ObserveInt64(to, n, metric.WithAttributes(attributes...))
}

// report adds what was written onto spans to the metrics.
func (e *enrichment) report(ctx context.Context, r report) {
	if r.enriched > 0 {
		e.telemetry.ProcessorSpanEnrichmentSpansEnriched.Add(ctx, r.enriched)
	}
	if r.cut > 0 {
		e.telemetry.ProcessorSpanEnrichmentLedgersShortened.Add(ctx, r.cut)
		e.telemetry.ProcessorSpanEnrichmentLedgerExcess.Add(ctx, r.excess)
	}
}
