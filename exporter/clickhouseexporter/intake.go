// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/cardinality"
)

// intake is what stands before the queue: where the queue persists what it takes,
// it gives that an identity, and forms batches.
type intake[D any] struct {
	queued interface {
		component.Component
		Capabilities() consumer.Capabilities
	}
	inserter *inserter
	// guard looks at the attributes that come; nil where nothing does.
	guard *cardinality.Guard
	limit func(*cardinality.Guard, D) cardinality.Tally
	offer func(context.Context, D) error
	// gatherer is nil where requests go to the queue as they come.
	gatherer *gatherer[D]
}

func newIntake[D any](
	queued interface {
		component.Component
		Capabilities() consumer.Capabilities
	}, i *inserter, consume func(context.Context, D) error, p pile[D],
) intake[D] {
	offer := func(ctx context.Context, data D) error {
		if i.config.persists() {
			ctx = identified(ctx, i.identities.next())
		}
		return offered(ctx, i, data, p.items(data), consume)
	}
	return intake[D]{queued, i, i.newGuard(), p.limit, offer, newGatherer(i.config.gathering(), p, offer)}
}

// Start starts the exporter with a queue that a kill does not hurt.
func (i *intake[D]) Start(ctx context.Context, host component.Host) error {
	return i.queued.Start(ctx, safeHost{host})
}

// Shutdown passes what was gathered on to the queue, then ends the exporter.
func (i *intake[D]) Shutdown(ctx context.Context) error {
	if i.gatherer != nil {
		i.gatherer.stop()
	}
	i.inserter.stopping.Store(true)
	if i.guard != nil {
		i.guard.Flush()
	}
	return i.queued.Shutdown(ctx)
}

// Capabilities are those of the queue: what is gathered is copied. Where a guard
// may alter attributes, the data must be this exporter's own.
func (i *intake[D]) Capabilities() consumer.Capabilities {
	capabilities := i.queued.Capabilities()
	capabilities.MutatesData = capabilities.MutatesData || i.inserter.config.Cardinality.limits().Alter()
	return capabilities
}

// consume takes a request. What the guard alters is altered before the queue has
// it, so that what is inserted is the same in each attempt, over restarts too.
func (i *intake[D]) consume(ctx context.Context, data D) error {
	if i.guard != nil {
		i.inserter.countExcess(ctx, i.limit(i.guard, data))
	}
	if i.gatherer != nil {
		return i.gatherer.add(ctx, data)
	}
	return i.offer(ctx, data)
}

type tracesIntake struct{ intake[ptrace.Traces] }

func newTracesIntake(queued exporter.Traces, i *inserter) *tracesIntake {
	return &tracesIntake{newIntake(queued, i, queued.ConsumeTraces, pile[ptrace.Traces]{
		items: ptrace.Traces.SpanCount,
		bytes: new(ptrace.ProtoMarshaler).TracesSize,
		fresh: ptrace.NewTraces,
		move:  func(from, to ptrace.Traces) { from.ResourceSpans().MoveAndAppendTo(to.ResourceSpans()) },
		copy:  ptrace.Traces.CopyTo,
		limit: (*cardinality.Guard).Traces,
	})}
}

// ConsumeTraces returns when the queue has taken the request, or why it has not.
func (i *tracesIntake) ConsumeTraces(ctx context.Context, traces ptrace.Traces) error {
	return i.consume(ctx, traces)
}

type logsIntake struct{ intake[plog.Logs] }

func newLogsIntake(queued exporter.Logs, i *inserter) *logsIntake {
	return &logsIntake{newIntake(queued, i, queued.ConsumeLogs, pile[plog.Logs]{
		items: plog.Logs.LogRecordCount,
		bytes: new(plog.ProtoMarshaler).LogsSize,
		fresh: plog.NewLogs,
		move:  func(from, to plog.Logs) { from.ResourceLogs().MoveAndAppendTo(to.ResourceLogs()) },
		copy:  plog.Logs.CopyTo,
		limit: (*cardinality.Guard).Logs,
	})}
}

// ConsumeLogs returns when the queue has taken the request, or why it has not.
func (i *logsIntake) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	return i.consume(ctx, logs)
}

type metricsIntake struct{ intake[pmetric.Metrics] }

func newMetricsIntake(queued exporter.Metrics, i *inserter) *metricsIntake {
	return &metricsIntake{newIntake(queued, i, queued.ConsumeMetrics, pile[pmetric.Metrics]{
		items: pmetric.Metrics.DataPointCount,
		bytes: new(pmetric.ProtoMarshaler).MetricsSize,
		fresh: pmetric.NewMetrics,
		move:  func(from, to pmetric.Metrics) { from.ResourceMetrics().MoveAndAppendTo(to.ResourceMetrics()) },
		copy:  pmetric.Metrics.CopyTo,
		limit: (*cardinality.Guard).Metrics,
	})}
}

// ConsumeMetrics returns when the queue has taken the request, or why it has not.
func (i *metricsIntake) ConsumeMetrics(ctx context.Context, metrics pmetric.Metrics) error {
	return i.consume(ctx, metrics)
}

type profilesIntake struct{ intake[pprofile.Profiles] }

func newProfilesIntake(queued xexporter.Profiles, i *inserter) *profilesIntake {
	return &profilesIntake{newIntake(queued, i, queued.ConsumeProfiles, pile[pprofile.Profiles]{
		items: pprofile.Profiles.SampleCount, // they are not gathered
	})}
}

// ConsumeProfiles returns when the queue has taken the request, or why it has not.
func (i *profilesIntake) ConsumeProfiles(ctx context.Context, profiles pprofile.Profiles) error {
	return i.consume(ctx, profiles)
}
