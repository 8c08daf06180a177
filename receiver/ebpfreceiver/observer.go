// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/footprint"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// observer counts what becomes of processes, has their memory read, and their
// probes governed.
type observer struct {
	telemetry *metadata.TelemetryBuilder
	runtimes  *runtimes
	dumps     *dumps
	governing *governing // nil: none
	peers     *peers
	vitals    *processVitals
	tallies   *tallies
	profiles  *profiles
	heaps     *heaps
	footprint *footprint.Keeper
}

func (o *observer) Attached(p *discover.Process, a *probe.Attachment, layouts attach.Layouts) {
	o.telemetry.ProcessesAttached.Add(context.Background(), 1)
	o.runtimes.add(p, layouts.Runtime, layouts.Bias)
	o.dumps.add(p, layouts.Goroutines, layouts.Bias)
	if a != nil && o.governing != nil && governable(a.Plan()) {
		o.governing.governor.Add(p.PID, a, least(a.Plan()))
	}
	o.peers.add(p, time.Now())
	o.vitals.add(p)
	o.tallies.add(p, time.Now())
	o.heaps.add(p, layouts)
	o.profiles.add(p, a, layouts.Code, layouts.Bias)
}

func (o *observer) Detached(p *discover.Process, open int) {
	o.telemetry.ProcessesAttached.Add(context.Background(), -1)
	o.telemetry.RecordsDropped.Add(context.Background(), int64(open), by("reason", "process_detached"))
	o.runtimes.remove(p)
	o.dumps.remove(p)
	if o.governing != nil {
		o.governing.governor.Remove(p.PID)
	}
	o.peers.remove(p)
	o.vitals.remove(p)
	o.tallies.remove(p)
	o.profiles.remove(p)
	o.heaps.remove(p)
}

// TakenUp goes on with what is known of a process. The governor and the sampler
// know it by its PID.
func (o *observer) TakenUp(before, p *discover.Process, a *probe.Attachment, layouts attach.Layouts) {
	o.runtimes.remove(before)
	o.runtimes.add(p, layouts.Runtime, layouts.Bias)
	if !o.dumps.rename(before, p) {
		o.dumps.add(p, layouts.Goroutines, layouts.Bias)
	}
	if !o.peers.rename(before, p) {
		o.peers.add(p, time.Now())
	}
	if !o.vitals.rename(before, p) {
		o.vitals.add(p)
	}
	if !o.tallies.rename(before, p) {
		o.tallies.add(p, time.Now())
	}
	if !o.heaps.rename(before, p) {
		o.heaps.add(p, layouts)
	}
	if !o.profiles.rename(before, p) {
		o.profiles.add(p, a, layouts.Code, layouts.Bias)
	}
}

// inherit takes over what another receiver's observer knows of processes.
func (o *observer) inherit(from *observer, attached int) {
	o.telemetry.ProcessesAttached.Add(context.Background(), int64(attached))
	o.runtimes.readers = from.runtimes.readers
	o.dumps.watched, o.peers.tables, o.vitals.processes = from.dumps.watched, from.peers.tables, from.vitals.processes
	o.tallies.inherit(from.tallies)
	o.profiles.sampled, o.heaps.heaps = from.profiles.sampled, from.heaps.heaps
}

func (o *observer) Failed(_ *discover.Process, reason string) {
	o.telemetry.AttachFailures.Add(context.Background(), 1, by("reason", reason))
}

func (o *observer) Refused(_ *discover.Process, feature plan.Feature) {
	o.telemetry.ProbesRefused.Add(context.Background(), 1, by("feature", string(feature)))
}

// Analysed has the memory given back that the analysis took.
func (o *observer) Analysed() { o.footprint.Reason() }

func by(key, value string) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String(key, value))
}

// events are those that are wanted and have a pipeline to go to.
func (r *ebpfReceiver) events() probe.Events {
	config, wanted := r.config.Events, probe.NoEvents()
	network := config.Network.Enabled && !r.programs.Refuses(probe.Network)
	wanted.Traffic = network && r.sinks.probed() && r.sinks.metrics != nil
	wanted.Allocations = r.config.Allocations.Enabled
	wanted.Disks = config.Block.Enabled && r.sinks.probed()
	wanted.Signals = config.Signals.Enabled && r.sinks.probed()
	if r.sinks.logs == nil {
		return wanted
	}
	if config.File.Enabled {
		wanted.FileMinDuration = config.File.MinDuration
	}
	if network {
		wanted.NetworkMinDuration = config.Network.MinDuration
	}
	if config.DNS.Enabled {
		wanted.LookupMinDuration = config.DNS.MinDuration
	}
	if config.TLS.Enabled {
		wanted.HandshakeMinDuration = config.TLS.MinDuration
	}
	if config.Scheduler.Enabled {
		wanted.RunQueueMinDuration = config.Scheduler.MinDuration
	}
	if config.Block.Enabled {
		wanted.BlockMinDuration = config.Block.MinDuration
	}
	return wanted
}

// tellRefusals logs and counts what this kernel lacks.
func (r *ebpfReceiver) tellRefusals() {
	for _, refusal := range r.programs.Refused() {
		r.telemetry.KernelFeaturesRefused.Add(context.Background(), 1, by("feature", string(refusal.Feature)))
		r.settings.Logger.Warn("A feature is left out: the kernel lacks what it needs",
			zap.String("feature", string(refusal.Feature)), zap.Error(refusal.Reason))
	}
}

// readKernel collects what is counted outside of the receiver's own goroutines.
func (r *ebpfReceiver) readKernel(watcher *discover.Watcher) func() (metadata.Kernel, error) {
	return func() (metadata.Kernel, error) {
		counters, err := r.programs.Counters()
		if err != nil {
			return metadata.Kernel{}, err
		}
		kernel := metadata.Kernel{
			Records:    counters[probe.Records],
			Dropped:    make(map[string]uint64),
			Unobserved: make(map[string]uint64),
			Examined:   make(map[string]uint64),
			Stacks:     make(map[string]uint64),
		}
		for counter, n := range counters {
			switch counter {
			case probe.Records:
			case probe.LooksTaken:
				kernel.Looks = n
			case probe.LooksUnreadable:
				kernel.LooksUnreadable = n
			case probe.SampledOut, probe.UnsupportedHTTP2, probe.OutsideOfSpan:
				kernel.Unobserved[counter.String()] = n
			case probe.StackUnreadable, probe.StackDeep:
				kernel.Stacks[counter.String()] = n
			default:
				kernel.Dropped[counter.String()] = n
			}
		}
		for outcome := range discover.Outcome(discover.NumOutcomes) {
			kernel.Examined[outcome.String()] = watcher.Count(outcome)
		}
		return kernel, nil
	}
}
