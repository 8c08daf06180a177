// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"
)

// Meter returns the meter of the component's own telemetry.
func Meter(settings component.TelemetrySettings) metric.Meter {
	return settings.MeterProvider.Meter(ScopeName)
}

// TelemetryBuilder has the component's own metrics. Those that the store's
// tally feeds are observed through a callback, the others are added to.
type TelemetryBuilder struct {
	meter         metric.Meter
	mu            sync.Mutex
	registrations []metric.Registration

	ProcessorSpanEnrichmentRecordsReceived  metric.Int64ObservableCounter
	ProcessorSpanEnrichmentRecordsJoined    metric.Int64ObservableCounter
	ProcessorSpanEnrichmentRecordsUnjoined  metric.Int64ObservableCounter
	ProcessorSpanEnrichmentRecordsStored    metric.Int64ObservableGauge
	ProcessorSpanEnrichmentRecordsPending   metric.Int64ObservableGauge
	ProcessorSpanEnrichmentSpansReleased    metric.Int64ObservableCounter
	ProcessorSpanEnrichmentSpansHeld        metric.Int64ObservableGauge
	ProcessorSpanEnrichmentMemory           metric.Int64ObservableGauge
	ProcessorSpanEnrichmentSpansEnriched    metric.Int64Counter
	ProcessorSpanEnrichmentSpansRefused     metric.Int64Counter
	ProcessorSpanEnrichmentLedgersShortened metric.Int64Counter
	ProcessorSpanEnrichmentLedgerExcess     metric.Int64Counter
}

// NewTelemetryBuilder makes the component's metrics.
func NewTelemetryBuilder(settings component.TelemetrySettings) (*TelemetryBuilder, error) {
	b := &TelemetryBuilder{meter: Meter(settings)}
	return b, errors.Join(b.makeRecordMetrics(), b.makeSpanMetrics())
}

func (b *TelemetryBuilder) makeRecordMetrics() error {
	var errs [5]error
	b.ProcessorSpanEnrichmentRecordsReceived, errs[0] = b.meter.Int64ObservableCounter(
		"otelcol_processor_span_enrichment_records_received",
		metric.WithDescription("Records of the ebpf receiver that came in logs pipelines: the sum of those joined, unjoined and pending. [Alpha]"),
		metric.WithUnit("{record}"),
	)
	b.ProcessorSpanEnrichmentRecordsJoined, errs[1] = b.meter.Int64ObservableCounter(
		"otelcol_processor_span_enrichment_records_joined",
		metric.WithDescription("Records that were joined to a span, each counted once. [Alpha]"),
		metric.WithUnit("{record}"),
	)
	b.ProcessorSpanEnrichmentRecordsUnjoined, errs[2] = b.meter.Int64ObservableCounter(
		"otelcol_processor_span_enrichment_records_unjoined",
		metric.WithDescription("Records that have no span, or missed it, by why; the logs pipeline passed them on. [Alpha]"),
		metric.WithUnit("{record}"),
	)
	b.ProcessorSpanEnrichmentRecordsStored, errs[3] = b.meter.Int64ObservableGauge(
		"otelcol_processor_span_enrichment_records_stored",
		metric.WithDescription("Records in the store, with those that were joined and may be asked for again. [Alpha]"),
		metric.WithUnit("{record}"),
	)
	b.ProcessorSpanEnrichmentRecordsPending, errs[4] = b.meter.Int64ObservableGauge(
		"otelcol_processor_span_enrichment_records_pending",
		metric.WithDescription("Records in the store that were joined to no span yet. [Alpha]"),
		metric.WithUnit("{record}"),
	)
	return errors.Join(errs[:]...)
}

func (b *TelemetryBuilder) makeSpanMetrics() error {
	var errs [7]error
	b.ProcessorSpanEnrichmentSpansReleased, errs[0] = b.meter.Int64ObservableCounter(
		"otelcol_processor_span_enrichment_spans_released",
		metric.WithDescription("Spans that waited for a ledger, or should have, by why they left. [Alpha]"),
		metric.WithUnit("{span}"),
	)
	b.ProcessorSpanEnrichmentSpansHeld, errs[1] = b.meter.Int64ObservableGauge(
		"otelcol_processor_span_enrichment_spans_held",
		metric.WithDescription("Spans that wait for a ledger or are on their way downstream after it. [Alpha]"),
		metric.WithUnit("{span}"),
	)
	b.ProcessorSpanEnrichmentMemory, errs[2] = b.meter.Int64ObservableGauge(
		"otelcol_processor_span_enrichment_memory",
		metric.WithDescription("Memory of records, held spans and what is remembered of spans; memory_mib bounds it. [Alpha]"),
		metric.WithUnit("By"),
	)
	b.ProcessorSpanEnrichmentSpansEnriched, errs[3] = b.meter.Int64Counter(
		"otelcol_processor_span_enrichment_spans_enriched",
		metric.WithDescription("Spans onto which anything was written. [Alpha]"),
		metric.WithUnit("{span}"),
	)
	b.ProcessorSpanEnrichmentSpansRefused, errs[4] = b.meter.Int64Counter(
		"otelcol_processor_span_enrichment_spans_refused",
		metric.WithDescription("Held spans that the next component refused. [Alpha]"),
		metric.WithUnit("{span}"),
	)
	b.ProcessorSpanEnrichmentLedgersShortened, errs[5] = b.meter.Int64Counter(
		"otelcol_processor_span_enrichment_ledgers_shortened",
		metric.WithDescription("Ledgers that were longer than their span and were cut to its duration. [Alpha]"),
		metric.WithUnit("{record}"),
	)
	b.ProcessorSpanEnrichmentLedgerExcess, errs[6] = b.meter.Int64Counter(
		"otelcol_processor_span_enrichment_ledger_excess",
		metric.WithDescription("Time that was cut from ledgers longer than their span. [Alpha]"),
		metric.WithUnit("ns"),
	)
	return errors.Join(errs[:]...)
}

// RegisterTally has the metrics of the store's tally observed by one callback:
// what one collection shows is of one moment.
func (b *TelemetryBuilder) RegisterTally(callback metric.Callback) error {
	registration, err := b.meter.RegisterCallback(callback,
		b.ProcessorSpanEnrichmentRecordsReceived,
		b.ProcessorSpanEnrichmentRecordsJoined,
		b.ProcessorSpanEnrichmentRecordsUnjoined,
		b.ProcessorSpanEnrichmentRecordsStored,
		b.ProcessorSpanEnrichmentRecordsPending,
		b.ProcessorSpanEnrichmentSpansReleased,
		b.ProcessorSpanEnrichmentSpansHeld,
		b.ProcessorSpanEnrichmentMemory,
	)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.registrations = append(b.registrations, registration)
	return nil
}

// Shutdown ends that observable metrics are observed.
func (b *TelemetryBuilder) Shutdown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, registration := range b.registrations {
		_ = registration.Unregister() // fails only for one that is no longer registered
	}
}
