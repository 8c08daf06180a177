// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/xreceiver"

	"github.com/fathom-otel/fathom/internal/shared"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
)

// estates of this process's receivers. They are the process's, since no factory
// outlives a reload: the Collector makes all factories anew (otelcol/collector.go:
// setupConfigurationComponents).
var estates = newHeirs(reloadGrace)

// NewFactory makes the receiver's factory. The pipelines of one component ID
// share one receiver: there is one set of probes, whichever signals are wanted.
// The next receiver of that ID in this process, as after a reload, goes on with
// the probes.
func NewFactory() receiver.Factory { return newFactory(estates) }

func newFactory(heirs *heirs) receiver.Factory {
	f := factory{receivers: shared.NewRegistry[component.ID, *ebpfReceiver](), heirs: heirs}
	return xreceiver.NewFactory(
		metadata.Type,
		func() component.Config { return createDefaultConfig() },
		xreceiver.WithTraces(f.createTraces, metadata.TracesStability),
		xreceiver.WithMetrics(f.createMetrics, metadata.MetricsStability),
		xreceiver.WithLogs(f.createLogs, metadata.LogsStability),
		xreceiver.WithProfiles(f.createProfiles, metadata.ProfilesStability),
	)
}

type factory struct {
	receivers *shared.Registry[component.ID, *ebpfReceiver]
	heirs     *heirs
}

func (f factory) createTraces(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
	return f.hold(set, cfg, func(r *ebpfReceiver) { r.sinks.traces = next })
}

func (f factory) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	return f.hold(set, cfg, func(r *ebpfReceiver) { r.sinks.metrics = next })
}

func (f factory) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	return f.hold(set, cfg, func(r *ebpfReceiver) { r.sinks.logs = next })
}

func (f factory) createProfiles(_ context.Context, set receiver.Settings, cfg component.Config, next xconsumer.Profiles) (xreceiver.Profiles, error) {
	return f.hold(set, cfg, func(r *ebpfReceiver) { r.sinks.profiles = next })
}

// hold returns the shared receiver after its consumer of one signal was set.
func (f factory) hold(set receiver.Settings, cfg component.Config, use func(*ebpfReceiver)) (component.Component, error) {
	held, err := f.receivers.Get(set.ID, func() (*ebpfReceiver, error) { return newReceiver(set, cfg.(*Config), f.heirs) })
	if err != nil {
		return nil, err
	}
	use(held.Value())
	return held, nil
}
