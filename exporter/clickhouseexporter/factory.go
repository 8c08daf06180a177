// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/metadata"
)

// NewFactory makes the factory of the clickhouse exporter.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		exporter.WithTraces(createTraces, metadata.TracesStability),
		exporter.WithLogs(createLogs, metadata.LogsStability),
		exporter.WithMetrics(createMetrics, metadata.MetricsStability),
	)
}

func createTraces(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Traces, error) {
	traces, err := newTracesExporter(set, config.(*Config))
	if err != nil {
		return nil, err
	}
	queued, err := exporterhelper.NewTraces(ctx, traces.withDeliveries(set), config, traces.push, traces.options()...)
	if err != nil {
		return nil, err
	}
	return newTracesIntake(queued, traces.inserter), nil
}

func createLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	logs, err := newLogsExporter(set, config.(*Config))
	if err != nil {
		return nil, err
	}
	queued, err := exporterhelper.NewLogs(ctx, logs.withDeliveries(set), config, logs.push, logs.options()...)
	if err != nil {
		return nil, err
	}
	return newLogsIntake(queued, logs.inserter), nil
}

func createMetrics(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Metrics, error) {
	metrics, err := newMetricsExporter(set, config.(*Config))
	if err != nil {
		return nil, err
	}
	queued, err := exporterhelper.NewMetrics(ctx, metrics.withDeliveries(set), config, metrics.push, metrics.options()...)
	if err != nil {
		return nil, err
	}
	return newMetricsIntake(queued, metrics.inserter), nil
}
