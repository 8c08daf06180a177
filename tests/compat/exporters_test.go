// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	theirs "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/clickhouseexporter"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	ours "github.com/fathom-otel/fathom/exporter/clickhouseexporter"
)

// patience bounds what a test waits for, on a machine with better things to do.
const patience = time.Minute

// The two exporters, by the names under which results are printed.
const (
	contrib = "contrib"
	fathom  = "fathom"
)

func factories() map[string]exporter.Factory {
	return map[string]exporter.Factory{contrib: theirs.NewFactory(), fathom: ours.NewFactory()}
}

// sender is the exporters of all signals of one side, running.
type sender struct {
	traces  exporter.Traces
	logs    exporter.Logs
	metrics exporter.Metrics
	// profiles have no interface of the stable Collector.
	profiles xexporter.Profiles
}

// start runs one side's exporters until the test ends.
func start(t testing.TB, side, endpoint string, keys map[string]any) *sender {
	t.Helper()
	s, err := newSender(t.Context(), side, endpoint, keys)
	require.NoError(t, err)
	for _, each := range s.components() {
		require.NoError(t, each.Start(t.Context(), nil))
	}
	t.Cleanup(func() { require.NoError(t, s.shutdown()) })
	return s
}

// newSender makes one side's exporters, with the same keys for both: without queue
// and retry, so that Consume returns when the data is stored.
func newSender(ctx context.Context, side, endpoint string, keys map[string]any) (*sender, error) {
	all := map[string]any{
		"endpoint":         "tcp://" + endpoint,
		"database":         "otel",
		"compress":         "none",
		"async_insert":     false,
		"timeout":          patience.String(),
		"sending_queue":    map[string]any{"enabled": false},
		"retry_on_failure": map[string]any{"enabled": false},
	}
	maps.Copy(all, keys)
	factory := factories()[side]
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(all).Unmarshal(config); err != nil {
		return nil, err
	}
	settings := exporter.Settings{
		ID: component.NewID(factory.Type()),
		TelemetrySettings: component.TelemetrySettings{
			Logger:         zap.NewNop(),
			TracerProvider: tracenoop.NewTracerProvider(),
			MeterProvider:  metricnoop.NewMeterProvider(),
		},
	}
	s := new(sender)
	var failures [4]error
	s.traces, failures[0] = factory.CreateTraces(ctx, settings, config)
	s.logs, failures[1] = factory.CreateLogs(ctx, settings, config)
	s.metrics, failures[2] = factory.CreateMetrics(ctx, settings, config)
	s.profiles, failures[3] = factory.(xexporter.Factory).CreateProfiles(ctx, settings, config)
	return s, errors.Join(failures[:]...)
}

func (s *sender) components() []component.Component {
	return []component.Component{s.traces, s.logs, s.metrics, s.profiles}
}

func (s *sender) shutdown() error {
	var failures []error
	for _, each := range s.components() {
		failures = append(failures, each.Shutdown(context.Background()))
	}
	return errors.Join(failures...)
}

// batch is data of all signals.
type batch struct {
	traces   []ptrace.Traces
	logs     []plog.Logs
	metrics  []pmetric.Metrics
	profiles []pprofile.Profiles
}

// first is the first of each signal.
func (b batch) first() batch {
	return batch{
		b.traces[:min(1, len(b.traces))], b.logs[:min(1, len(b.logs))], b.metrics[:min(1, len(b.metrics))],
		b.profiles[:min(1, len(b.profiles))],
	}
}

// send stores everything and returns the errors, in order.
func (s *sender) send(ctx context.Context, data batch) []error {
	var failed []error
	for _, traces := range data.traces {
		failed = append(failed, s.traces.ConsumeTraces(ctx, traces))
	}
	for _, logs := range data.logs {
		failed = append(failed, s.logs.ConsumeLogs(ctx, logs))
	}
	for _, metrics := range data.metrics {
		failed = append(failed, s.metrics.ConsumeMetrics(ctx, metrics))
	}
	for _, profiles := range data.profiles {
		failed = append(failed, s.profiles.ConsumeProfiles(ctx, profiles))
	}
	return failed
}

func (s *sender) mustSend(t testing.TB, data batch) {
	t.Helper()
	for _, err := range s.send(t.Context(), data) {
		require.NoError(t, err)
	}
}
