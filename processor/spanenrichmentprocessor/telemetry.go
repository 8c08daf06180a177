// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// observeTally has the metrics of the store read from its tally.
func observeTally(b *metadata.TelemetryBuilder, tally func() join.Tally) error {
	var errs []error
	observe := func(observable metric.Int64Observable, read func(join.Tally, metric.Int64Observer)) {
		errs = append(errs, b.RegisterCallback(observable, func(_ context.Context, o metric.Int64Observer) error {
			read(tally(), o)
			return nil
		}))
	}
	observe(b.ProcessorSpanEnrichmentRecordsReceived, func(t join.Tally, o metric.Int64Observer) {
		for kind, n := range t.Received {
			o.Observe(n, metric.WithAttributes(kindAttribute(kind)))
		}
	})
	observe(b.ProcessorSpanEnrichmentRecordsPending, func(t join.Tally, o metric.Int64Observer) {
		for kind, n := range t.Pending {
			o.Observe(n, metric.WithAttributes(kindAttribute(kind)))
		}
	})
	observe(b.ProcessorSpanEnrichmentRecordsJoined, func(t join.Tally, o metric.Int64Observer) {
		for kind, byKey := range t.Matched {
			for key, n := range byKey {
				observePositive(o, n, kindAttribute(kind), attribute.Stringer("key", join.Key(key)))
			}
		}
	})
	observe(b.ProcessorSpanEnrichmentRecordsDropped, func(t join.Tally, o metric.Int64Observer) {
		for kind, byReason := range t.Dropped {
			for reason, n := range byReason {
				observePositive(o, n, kindAttribute(kind), attribute.Stringer("reason", join.Reason(reason)))
			}
		}
	})
	observe(b.ProcessorSpanEnrichmentSpansReleased, func(t join.Tally, o metric.Int64Observer) {
		for departure, n := range t.Departed {
			o.Observe(n, metric.WithAttributes(attribute.Stringer("reason", join.Departure(departure))))
		}
	})
	observe(b.ProcessorSpanEnrichmentRecordsStored, func(t join.Tally, o metric.Int64Observer) { o.Observe(t.Stored) })
	observe(b.ProcessorSpanEnrichmentSpansHeld, func(t join.Tally, o metric.Int64Observer) { o.Observe(t.Held) })
	observe(b.ProcessorSpanEnrichmentMemory, func(t join.Tally, o metric.Int64Observer) { o.Observe(t.Bytes) })
	return errors.Join(errs...)
}

func kindAttribute(kind int) attribute.KeyValue {
	return attribute.Stringer("kind", join.Kind(kind))
}

// observePositive leaves out combinations that never occur.
func observePositive(o metric.Int64Observer, n int64, attributes ...attribute.KeyValue) {
	if n > 0 {
		o.Observe(n, metric.WithAttributes(attributes...))
	}
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
