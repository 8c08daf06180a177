// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// tracesIntake gives requests an identity before the queue takes them.
type tracesIntake struct{ exporter.Traces }

// Start starts the exporter with a queue that a kill does not hurt.
func (i tracesIntake) Start(ctx context.Context, host component.Host) error {
	return i.Traces.Start(ctx, safeHost{host})
}

// ConsumeTraces passes a request on to the queue.
func (i tracesIntake) ConsumeTraces(ctx context.Context, traces ptrace.Traces) error {
	return i.Traces.ConsumeTraces(identified(ctx), traces)
}

// logsIntake is tracesIntake for logs.
type logsIntake struct{ exporter.Logs }

// Start starts the exporter with a queue that a kill does not hurt.
func (i logsIntake) Start(ctx context.Context, host component.Host) error {
	return i.Logs.Start(ctx, safeHost{host})
}

// ConsumeLogs passes a request on to the queue.
func (i logsIntake) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	return i.Logs.ConsumeLogs(identified(ctx), logs)
}

// metricsIntake is tracesIntake for metrics.
type metricsIntake struct{ exporter.Metrics }

// Start starts the exporter with a queue that a kill does not hurt.
func (i metricsIntake) Start(ctx context.Context, host component.Host) error {
	return i.Metrics.Start(ctx, safeHost{host})
}

// ConsumeMetrics passes a request on to the queue.
func (i metricsIntake) ConsumeMetrics(ctx context.Context, metrics pmetric.Metrics) error {
	return i.Metrics.ConsumeMetrics(identified(ctx), metrics)
}
