// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"
)

// TelemetryBuilder holds the component's own metrics.
type TelemetryBuilder struct {
	// RowsReceived counts rows that came, by where from.
	RowsReceived metric.Int64ObservableCounter
	// RowsQueued is the rows that came and are neither written nor refused.
	RowsQueued metric.Int64ObservableUpDownCounter
	// RowsWritten counts rows that ClickHouse acknowledged, by table.
	RowsWritten metric.Int64ObservableCounter
	// RowsRefused counts rows that were given up for good, by table and reason.
	RowsRefused metric.Int64ObservableCounter
	// MetricsRefused counts metrics that no table can hold, by reason.
	MetricsRefused metric.Int64Counter
	// Inserts counts INSERTs that ClickHouse acknowledged, by table.
	Inserts metric.Int64Counter
	// Bytes counts the bytes of acknowledged blocks before compression, by table.
	Bytes metric.Int64Counter
	// InsertFailures counts failed INSERTs, by table and reason, those that
	// are tried again included.
	InsertFailures metric.Int64Counter
	// ViewFailures counts rows that are stored and missing in a view of their
	// table, by table.
	ViewFailures metric.Int64Counter
	// DeadLetters counts refused rows by table and by what became of them as
	// dead letters.
	DeadLetters metric.Int64Counter
	// AttributesOverLimit counts attributes that are over a limit of cardinality,
	// by signal, column and limit.
	AttributesOverLimit metric.Int64Counter
	// Retries counts attempts at requests beyond the first.
	Retries metric.Int64Counter
	// Time counts seconds that requests took behind the queue, by phase.
	Time metric.Float64Counter
	// SchemaFailures counts failed attempts to prepare the database and
	// tables, by reason.
	SchemaFailures metric.Int64Counter
	// ValuesCorrected counts values that were stored other than they came, by
	// table and reason.
	ValuesCorrected metric.Int64Counter
}

// NewTelemetryBuilder makes the metrics. observe reports those that are observed,
// all at once. It is registered for as long as the meter is there, which ends
// with the service: the exporter's last rows are counted while it shuts down.
func NewTelemetryBuilder(settings component.TelemetrySettings, observe func(metric.Observer, *TelemetryBuilder)) (*TelemetryBuilder, error) {
	m := &maker{meter: settings.MeterProvider.Meter(ScopeName)}
	builder := &TelemetryBuilder{
		RowsReceived:        m.observed("rows_received", "{row}", "Rows that came, those that the queue did not take included."),
		RowsWritten:         m.observed("rows_written", "{row}", "Rows that ClickHouse acknowledged."),
		RowsRefused:         m.observed("rows_refused", "{row}", "Rows that were given up for good."),
		MetricsRefused:      m.counter("metrics_refused", "{metric}", "Metrics that no table can hold."),
		Inserts:             m.counter("inserts", "{insert}", "INSERTs that ClickHouse acknowledged."),
		Bytes:               m.counter("bytes", "By", "Bytes of the blocks that ClickHouse acknowledged, before compression."),
		InsertFailures:      m.counter("insert_failures", "{insert}", "INSERTs that failed, those that are tried again included."),
		ViewFailures:        m.counter("view_failures", "{row}", "Rows that are stored and missing in a view of their table."),
		DeadLetters:         m.counter("dead_letters", "{row}", "Refused rows, by what became of them as dead letters."),
		AttributesOverLimit: m.counter("attributes_over_limit", "{attribute}", "Attributes that are over a limit of cardinality."),
		Retries:             m.counter("retries", "{attempt}", "Attempts to store a request beyond its first."),
		SchemaFailures:      m.counter("schema_failures", "{attempt}", "Failed attempts to prepare the database and tables."),
		ValuesCorrected:     m.counter("values_corrected", "{value}", "Values that were stored other than they came."),
	}
	var err error
	builder.RowsQueued, err = m.meter.Int64ObservableUpDownCounter(prefix+"rows_queued",
		metric.WithUnit("{row}"), metric.WithDescription("Rows that came and are neither written nor refused."))
	m.err = errors.Join(m.err, err)
	builder.Time, err = m.meter.Float64Counter(prefix+"time",
		metric.WithUnit("s"), metric.WithDescription("Time that requests took behind the queue."))
	m.err = errors.Join(m.err, err)
	if m.err != nil {
		return nil, m.err
	}
	_, err = m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		observe(o, builder)
		return nil
	}, builder.RowsReceived, builder.RowsQueued, builder.RowsWritten, builder.RowsRefused)
	return builder, err
}

const prefix = "otelcol_exporter_clickhouse_"

type maker struct {
	meter metric.Meter
	err   error
}

func (m *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (m *maker) observed(name, unit, description string) metric.Int64ObservableCounter {
	c, err := m.meter.Int64ObservableCounter(prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}
