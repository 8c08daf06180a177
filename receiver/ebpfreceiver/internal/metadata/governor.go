// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// Governor is the state of what bounds the cost of probes.
type Governor struct {
	// Processes that are governed, by the tier of probes that they have now.
	Processes map[string]int64
	// Cost of the probes so far, by tier, and CPU time that the processes used
	// for themselves meanwhile.
	Cost map[string]time.Duration
	CPU  time.Duration
	// Hit is what one hit of a probe costs.
	Hit time.Duration
}

// ObserveGovernor reports what read returns whenever the metrics are collected.
func (b *TelemetryBuilder) ObserveGovernor(read func() Governor) error {
	processes, err1 := b.meter.Int64ObservableUpDownCounter(Prefix+"governor_processes",
		metric.WithUnit("{process}"), metric.WithDescription("Governed processes, by the tier of probes that they have now."))
	cost, err2 := b.meter.Float64ObservableCounter(Prefix+"governor_probe_time",
		metric.WithUnit("s"), metric.WithDescription("CPU time that probes cost governed processes, by tier: that programs ran, and the measured cost of a hit; tracepoints are of each tier."))
	cpu, err3 := b.meter.Float64ObservableCounter(Prefix+"governor_process_time",
		metric.WithUnit("s"), metric.WithDescription("CPU time that governed processes used for themselves."))
	hit, err4 := b.meter.Float64ObservableGauge(Prefix+"governor_hit_time",
		metric.WithUnit("s"), metric.WithDescription("CPU time that one hit of a probe costs on this machine beside its program, measured at start."))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	_, err := b.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		governor := read()
		observeBy(o, processes, "tier", governor.Processes)
		for tier, spent := range governor.Cost {
			o.ObserveFloat64(cost, spent.Seconds(), withString("tier", tier))
		}
		o.ObserveFloat64(cpu, governor.CPU.Seconds())
		o.ObserveFloat64(hit, governor.Hit.Seconds())
		return nil
	}, processes, cost, cpu, hit)
	return err
}
