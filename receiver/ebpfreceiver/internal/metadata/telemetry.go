// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Prefix begins the name of each of the receiver's own metrics.
const Prefix = "otelcol_receiver_ebpf_"

// TelemetryBuilder holds the receiver's own metrics.
type TelemetryBuilder struct {
	// ProcessesAttached is how many processes are observed now.
	ProcessesAttached metric.Int64UpDownCounter
	// AttachFailures counts processes that could not be observed, by reason.
	AttachFailures metric.Int64Counter
	// ProbesRefused counts features left out of a process, by feature.
	ProbesRefused metric.Int64Counter
	// RecordsDropped counts what was seen but not delivered, by reason.
	RecordsDropped metric.Int64Counter
	// GovernorSwitches counts changes of a process's tier, by the new tier.
	GovernorSwitches metric.Int64Counter
	// RuntimeReadFailures counts failed reads of a process's runtime metrics, page
	// faults and cgroups, and of what the programs count of all processes.
	RuntimeReadFailures metric.Int64Counter
	// RuntimeGoroutinesUnread counts goroutines that were too many in their
	// process for their states to be read.
	RuntimeGoroutinesUnread metric.Int64Counter
	// GoroutineDumps counts dumps of goroutines, by outcome.
	GoroutineDumps metric.Int64Counter
	// GoroutinesIncomplete counts goroutines that are not, or not wholly, in a
	// dump, by reason.
	GoroutinesIncomplete metric.Int64Counter
	// KernelFeaturesRefused counts features that the kernel lacks, by feature.
	KernelFeaturesRefused metric.Int64Counter
	// PeersOverflowed counts records of traffic whose peer had no series of its own.
	PeersOverflowed metric.Int64Counter

	// ProfileSamples counts samples of CPUs that were delivered.
	ProfileSamples metric.Int64Counter
	// ProfileSamplesLost counts those of them that are in no profile, by reason.
	ProfileSamplesLost metric.Int64Counter
	// SDKSpansCut counts parts of an SDK's spans that were left out, by part.
	SDKSpansCut metric.Int64Counter
	// HeapReads counts readings of a process's heap profile, by outcome.
	HeapReads metric.Int64Counter

	meter metric.Meter
}

// NewTelemetryBuilder makes the metrics.
func NewTelemetryBuilder(settings component.TelemetrySettings) (*TelemetryBuilder, error) {
	b := &TelemetryBuilder{meter: settings.MeterProvider.Meter(ScopeName)}
	var errs [15]error
	b.ProcessesAttached, errs[0] = b.meter.Int64UpDownCounter(Prefix+"processes_attached",
		metric.WithUnit("{process}"), metric.WithDescription("Processes that are observed now, by probes or by reads of their memory."))
	b.AttachFailures, errs[1] = b.meter.Int64Counter(Prefix+"attach_failures",
		metric.WithUnit("{process}"), metric.WithDescription("Processes that could not be observed, by reason."))
	b.ProbesRefused, errs[2] = b.meter.Int64Counter(Prefix+"probes_refused",
		metric.WithUnit("{feature}"), metric.WithDescription("Features left out of a process because an address or offset was not proven, by feature."))
	b.RecordsDropped, errs[3] = b.meter.Int64Counter(Prefix+"records_dropped",
		metric.WithUnit("{record}"), metric.WithDescription("Records that were seen but not delivered, by reason."))
	b.RuntimeReadFailures, errs[4] = b.meter.Int64Counter(Prefix+"runtime_read_failures",
		metric.WithUnit("{read}"), metric.WithDescription("Failed reads of a process's runtime metrics, page faults and cgroups, and of what the BPF programs count of all processes."))
	b.KernelFeaturesRefused, errs[5] = b.meter.Int64Counter(Prefix+"kernel_features_refused",
		metric.WithUnit("{feature}"), metric.WithDescription("Features left out because the kernel lacks what they need, by feature."))
	b.PeersOverflowed, errs[6] = b.meter.Int64Counter(Prefix+"peers_overflowed",
		metric.WithUnit("{record}"), metric.WithDescription("Records of a connection's traffic that went to the series of all other peers of the process."))
	b.GovernorSwitches, errs[7] = b.meter.Int64Counter(Prefix+"governor_switches",
		metric.WithUnit("{switch}"), metric.WithDescription("Times that a process was given another tier of probes, by the new tier."))
	b.RuntimeGoroutinesUnread, errs[8] = b.meter.Int64Counter(Prefix+"runtime_goroutines_unread",
		metric.WithUnit("{goroutine}"), metric.WithDescription("Goroutines, at each read, of processes that have too many for their states to be read."))
	b.GoroutineDumps, errs[9] = b.meter.Int64Counter(Prefix+"goroutine_dumps",
		metric.WithUnit("{dump}"), metric.WithDescription("Dumps of a process's goroutines, by outcome."))
	b.GoroutinesIncomplete, errs[10] = b.meter.Int64Counter(Prefix+"goroutines_incomplete",
		metric.WithUnit("{goroutine}"), metric.WithDescription("Goroutines that are not, or not wholly, in a dump, by reason."))
	b.ProfileSamples, errs[11] = b.meter.Int64Counter(Prefix+"profile_samples",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples of what observed processes did on a CPU."))
	b.ProfileSamplesLost, errs[12] = b.meter.Int64Counter(Prefix+"profile_samples_lost",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples of CPUs that are in no profile, or in none that is still served, by reason."))
	b.SDKSpansCut, errs[14] = b.meter.Int64Counter(Prefix+"sdk_spans_cut",
		metric.WithUnit("{part}"), metric.WithDescription("Parts of the spans of OpenTelemetry SDKs that were left out because they did not fit or could not be read, by part."))
	b.HeapReads, errs[13] = b.meter.Int64Counter(Prefix+"heap_reads",
		metric.WithUnit("{read}"), metric.WithDescription("Readings of a process's heap profile, by outcome."))
	return b, errors.Join(errs[:]...)
}

// Kernel is what the BPF programs count for themselves, by reason.
type Kernel struct {
	// Records delivered to user space.
	Records uint64
	// Dropped by reason; Unobserved requests by reason.
	Dropped, Unobserved map[string]uint64
	// Examined processes by outcome.
	Examined map[string]uint64
	// Stacks of samples of CPUs that are not whole, by reason.
	Stacks map[string]uint64
	// Looks at goroutines in spans, and those that found nothing that can be read:
	// ObserveSampler reports them.
	Looks, LooksUnreadable uint64
}

// ObserveKernel reports what read returns whenever the metrics are collected.
// That goes on after the receiver's end, for as long as there are collections.
func (b *TelemetryBuilder) ObserveKernel(read func() (Kernel, error)) error {
	records, err1 := b.meter.Int64ObservableCounter(Prefix+"records",
		metric.WithUnit("{record}"), metric.WithDescription("Records that the BPF programs delivered."))
	dropped, err2 := b.meter.Int64ObservableCounter(Prefix+"kernel_records_dropped",
		metric.WithUnit("{record}"), metric.WithDescription("Records that the BPF programs could not deliver, by reason."))
	unobserved, err3 := b.meter.Int64ObservableCounter(Prefix+"requests_unobserved",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that were left out, by reason."))
	examined, err4 := b.meter.Int64ObservableCounter(Prefix+"processes_examined",
		metric.WithUnit("{process}"), metric.WithDescription("Processes that discovery examined, by outcome."))
	stacks, err5 := b.meter.Int64ObservableCounter(Prefix+"profile_stacks_incomplete",
		metric.WithUnit("{sample}"), metric.WithDescription("Samples of CPUs whose stack is not whole, by reason."))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return err
	}
	_, err := b.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		kernel, err := read()
		if err != nil {
			return err
		}
		o.ObserveInt64(records, int64(kernel.Records))
		observeBy(o, dropped, "reason", kernel.Dropped)
		observeBy(o, unobserved, "reason", kernel.Unobserved)
		observeBy(o, examined, "outcome", kernel.Examined)
		observeBy(o, stacks, "reason", kernel.Stacks)
		return nil
	}, records, dropped, unobserved, examined, stacks)
	return err
}

func observeBy[N int64 | uint64](o metric.Observer, instrument metric.Int64Observable, key string, values map[string]N) {
	for value, n := range values {
		o.ObserveInt64(instrument, int64(n), withString(key, value))
	}
}

func withString(key, value string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(key, value))
}
