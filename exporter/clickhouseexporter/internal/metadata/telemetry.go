// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"
)

// TelemetryBuilder holds the component's own counters.
type TelemetryBuilder struct {
	// RowsWritten counts rows that ClickHouse acknowledged, by table.
	RowsWritten metric.Int64Counter
	// RowsRefused counts rows that were given up for good, by table and reason.
	RowsRefused metric.Int64Counter
	// InsertFailures counts failed INSERTs, by table and reason, those that
	// are tried again included.
	InsertFailures metric.Int64Counter
	// SchemaFailures counts failed attempts to prepare the database and
	// tables, by reason.
	SchemaFailures metric.Int64Counter
	// ValuesCorrected counts values that were stored other than they came, by
	// table and reason.
	ValuesCorrected metric.Int64Counter
}

// NewTelemetryBuilder makes the counters.
func NewTelemetryBuilder(settings component.TelemetrySettings) (*TelemetryBuilder, error) {
	meter := settings.MeterProvider.Meter(ScopeName)
	var errs error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter("otelcol_exporter_clickhouse_"+name,
			metric.WithUnit(unit), metric.WithDescription(description))
		errs = errors.Join(errs, err)
		return c
	}
	builder := &TelemetryBuilder{
		RowsWritten:     counter("rows_written", "{row}", "Rows that ClickHouse acknowledged."),
		RowsRefused:     counter("rows_refused", "{row}", "Rows that were given up for good."),
		InsertFailures:  counter("insert_failures", "{insert}", "INSERTs that failed, those that are tried again included."),
		SchemaFailures:  counter("schema_failures", "{attempt}", "Failed attempts to prepare the database and tables."),
		ValuesCorrected: counter("values_corrected", "{value}", "Values that were stored other than they came."),
	}
	return builder, errs
}
