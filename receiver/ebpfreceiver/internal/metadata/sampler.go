// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// ObserveSampler reports what looking at goroutines has done, and the ledgers that
// were made of it, by whether there was a look for them.
func (b *TelemetryBuilder) ObserveSampler(read func() (Kernel, error), ledgers func() map[string]uint64) error {
	samples, err1 := b.meter.Int64ObservableCounter(Prefix+"samples",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples taken of the state of goroutines that were in a span."))
	missed, err2 := b.meter.Int64ObservableCounter(Prefix+"samples_missed",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples that were not taken, by reason."))
	made, err3 := b.meter.Int64ObservableCounter(Prefix+"sampled_ledgers",
		metric.WithUnit("{ledger}"), metric.WithDescription("Sampled ledgers, by whether any sample fell into their span."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := b.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		kernel, err := read()
		if err != nil {
			return err
		}
		o.ObserveInt64(samples, int64(kernel.Looks))
		observeBy(o, missed, "reason", map[string]uint64{"unreadable": kernel.LooksUnreadable})
		observeBy(o, made, "outcome", ledgers())
		return nil
	}, samples, missed, made)
	return err
}
