// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// Sampler is what looking at goroutines has done so far.
type Sampler struct {
	// Samples of goroutines that were taken.
	Samples uint64
	// Missed by reason; Ledgers by whether there was a sample for them.
	Missed, Ledgers map[string]uint64
}

// ObserveSampler reports what read returns whenever the metrics are collected.
func (b *TelemetryBuilder) ObserveSampler(read func() Sampler) error {
	samples, err1 := b.meter.Int64ObservableCounter(Prefix+"samples",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples taken of the state of goroutines that were in a span."))
	missed, err2 := b.meter.Int64ObservableCounter(Prefix+"samples_missed",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples that were not taken or kept, or came late, by reason."))
	ledgers, err3 := b.meter.Int64ObservableCounter(Prefix+"sampled_ledgers",
		metric.WithUnit("{ledger}"), metric.WithDescription("Sampled ledgers, by whether any sample fell into their span."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := b.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		sampler := read()
		o.ObserveInt64(samples, int64(sampler.Samples))
		observeBy(o, missed, "reason", sampler.Missed)
		observeBy(o, ledgers, "outcome", sampler.Ledgers)
		return nil
	}, samples, missed, ledgers)
	return err
}
