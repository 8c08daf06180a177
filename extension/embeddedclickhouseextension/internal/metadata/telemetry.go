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
	// EngineExits counts ends of the engine that nobody asked for.
	EngineExits metric.Int64Counter
	// EngineStarts counts starts of the engine that led to an answer, the
	// first one included.
	EngineStarts metric.Int64Counter
}

// NewTelemetryBuilder makes the counters.
func NewTelemetryBuilder(settings component.TelemetrySettings) (*TelemetryBuilder, error) {
	meter := settings.MeterProvider.Meter(ScopeName)
	var errs error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter("otelcol_embedded_clickhouse_"+name,
			metric.WithUnit(unit), metric.WithDescription(description))
		errs = errors.Join(errs, err)
		return c
	}
	builder := &TelemetryBuilder{
		EngineExits:  counter("engine_exits", "{exit}", "Ends of the engine that nobody asked for."),
		EngineStarts: counter("engine_starts", "{start}", "Starts of the engine that led to an answer, the first one included."),
	}
	return builder, errs
}
