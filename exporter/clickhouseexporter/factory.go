// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/metadata"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/shard"
)

// NewFactory makes the factory of the clickhouse exporter.
func NewFactory() exporter.Factory {
	return xexporter.NewFactory(
		metadata.Type,
		createDefaultConfig,
		xexporter.WithTraces(createTraces, metadata.TracesStability),
		xexporter.WithLogs(createLogs, metadata.LogsStability),
		xexporter.WithMetrics(createMetrics, metadata.MetricsStability),
		xexporter.WithProfiles(createProfiles, metadata.ProfilesStability),
	)
}

func createTraces(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Traces, error) {
	traces, err := newSharded(set, config.(*Config), createTracesShard, shard.Splitter.Traces, emptyTraces)
	if err != nil {
		return nil, err
	}
	queued, err := exporterhelper.NewTraces(ctx, traces.first().withDeliveries(set), config, traces.push, traces.first().options()...)
	if err != nil {
		return nil, err
	}
	return newTracesIntake(queued, traces.first()), nil
}

func createLogs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	logs, err := newSharded(set, config.(*Config), createLogsShard, shard.Splitter.Logs, emptyLogs)
	if err != nil {
		return nil, err
	}
	queued, err := exporterhelper.NewLogs(ctx, logs.first().withDeliveries(set), config, logs.push, logs.first().options()...)
	if err != nil {
		return nil, err
	}
	return newLogsIntake(queued, logs.first()), nil
}

func createMetrics(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Metrics, error) {
	metrics, err := newSharded(set, config.(*Config), createMetricsShard, shard.Splitter.Metrics, emptyMetrics)
	if err != nil {
		return nil, err
	}
	queued, err := exporterhelper.NewMetrics(ctx, metrics.first().withDeliveries(set), config, metrics.push, metrics.first().options()...)
	if err != nil {
		return nil, err
	}
	return newMetricsIntake(queued, metrics.first()), nil
}

func createTracesShard(set exporter.Settings, config *Config) (pusher[ptrace.Traces], error) {
	e, err := newTracesExporter(set, config)
	if err != nil {
		return pusher[ptrace.Traces]{}, err
	}
	return pusher[ptrace.Traces]{e.inserter, e.push}, nil
}

func emptyTraces(t ptrace.Traces) bool { return t.ResourceSpans().Len() == 0 }

func createLogsShard(set exporter.Settings, config *Config) (pusher[plog.Logs], error) {
	e, err := newLogsExporter(set, config)
	if err != nil {
		return pusher[plog.Logs]{}, err
	}
	return pusher[plog.Logs]{e.inserter, e.push}, nil
}

func emptyLogs(l plog.Logs) bool { return l.ResourceLogs().Len() == 0 }

func createMetricsShard(set exporter.Settings, config *Config) (pusher[pmetric.Metrics], error) {
	e, err := newMetricsExporter(set, config)
	if err != nil {
		return pusher[pmetric.Metrics]{}, err
	}
	return pusher[pmetric.Metrics]{e.inserter, e.push}, nil
}

func emptyMetrics(m pmetric.Metrics) bool { return m.ResourceMetrics().Len() == 0 }

func createProfiles(ctx context.Context, set exporter.Settings, config component.Config) (xexporter.Profiles, error) {
	profiles, err := newProfilesExporter(set, config.(*Config))
	if err != nil {
		return nil, err
	}
	queued, err := xexporterhelper.NewProfiles(ctx, profiles.withDeliveries(set), config, profiles.push, profiles.options()...)
	if err != nil {
		return nil, err
	}
	return newProfilesIntake(queued, profiles.inserter), nil
}
