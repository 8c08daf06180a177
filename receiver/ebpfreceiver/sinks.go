// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
)

// sinks are the pipelines that the receiver stands in; nil where it does not.
type sinks struct {
	traces   consumer.Traces
	metrics  consumer.Metrics
	logs     consumer.Logs
	profiles xconsumer.Profiles

	report *receiverhelper.ObsReport
	logger *zap.Logger
}

func newSinks(set receiver.Settings) (sinks, error) {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID:             set.ID,
		Transport:              "ebpf",
		ReceiverCreateSettings: set,
	})
	return sinks{report: report, logger: set.Logger}, err
}

// What a pipeline refuses is gone: the kernel does not wait. The Collector
// counts it as otelcol_receiver_refused_*.

func (s *sinks) consumeTraces(ctx context.Context, traces ptrace.Traces) {
	if s.traces == nil || traces.SpanCount() == 0 {
		return
	}
	n := traces.SpanCount()
	ctx = s.report.StartTracesOp(ctx)
	err := s.traces.ConsumeTraces(ctx, traces)
	s.report.EndTracesOp(ctx, metadata.Type.String(), n, err)
	s.refused("spans", n, err)
}

func (s *sinks) consumeLogs(ctx context.Context, logs plog.Logs) {
	if s.logs == nil || logs.LogRecordCount() == 0 {
		return
	}
	n := logs.LogRecordCount()
	ctx = s.report.StartLogsOp(ctx)
	err := s.logs.ConsumeLogs(ctx, logs)
	s.report.EndLogsOp(ctx, metadata.Type.String(), n, err)
	s.refused("log records", n, err)
}

func (s *sinks) consumeMetrics(ctx context.Context, metrics pmetric.Metrics) {
	if s.metrics == nil || metrics.DataPointCount() == 0 {
		return
	}
	n := metrics.DataPointCount()
	ctx = s.report.StartMetricsOp(ctx)
	err := s.metrics.ConsumeMetrics(ctx, metrics)
	s.report.EndMetricsOp(ctx, metadata.Type.String(), n, err)
	s.refused("data points", n, err)
}

func (s *sinks) consumeProfiles(ctx context.Context, profiles pprofile.Profiles) {
	if s.profiles == nil || profiles.SampleCount() == 0 {
		return
	}
	n := profiles.SampleCount()
	ctx = s.report.StartProfilesOp(ctx)
	err := s.profiles.ConsumeProfiles(ctx, profiles)
	s.report.EndProfilesOp(ctx, metadata.Type.String(), n, err)
	s.refused("samples", n, err)
}

// probed reports whether anything is wanted that needs the BPF programs to know
// the processes.
func (s *sinks) probed() bool { return s.traces != nil || s.logs != nil }

func (s *sinks) refused(what string, n int, err error) {
	if err != nil {
		s.logger.Warn("The pipeline refused what was observed", zap.String("what", what), zap.Int("count", n), zap.Error(err))
	}
}
