// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/footprint"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// ebpfReceiver owns the programs and fourteen goroutines: discovery, the attacher, the
// governor, the sampler, the reader of records, the server of profiles, and those
// that tell every interval: of the runtime, of goroutines, of the traffic, of CPUs,
// of heaps, of what the programs count and of what else the kernel keeps about a
// process; and the one that gives memory back.
type ebpfReceiver struct {
	config    *Config
	settings  receiver.Settings
	telemetry *metadata.TelemetryBuilder
	sinks     sinks

	heirs     *heirs // nil: none
	programs  *probe.Programs
	attacher  *attach.Attacher
	watched   *observer
	governing *governing
	sampling  *sampling
	reader    *probe.Reader
	counts    *kernelCounts
	pprof     *pprofServer // nil: none
	sdks      *emit.SDKs

	stop       context.CancelFunc
	observing  sync.WaitGroup // ends with stop
	delivering sync.WaitGroup // ends when the reader is closed
	serving    sync.WaitGroup // ends when the server is closed
}

// newReceiver makes a receiver that leaves what it attached to heirs; without, it
// detaches at its end.
func newReceiver(set receiver.Settings, config *Config, heirs *heirs) (*ebpfReceiver, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("making the receiver's metrics: %w", err)
	}
	s, err := newSinks(set)
	if err != nil {
		return nil, fmt.Errorf("making the receiver's report: %w", err)
	}
	return &ebpfReceiver{config: config, settings: set, telemetry: telemetry, sinks: s, heirs: heirs}, nil
}

// Start loads the programs, or goes on with those of the receiver before, and
// begins to look for processes. What the kernel or the capabilities lack makes it
// fail, by name.
func (r *ebpfReceiver) Start(ctx context.Context, host component.Host) error {
	if err := requireHostPIDs(); err != nil {
		return err
	}
	watcher, err := discover.New(r.discovery(), r.settings.Logger)
	if err != nil {
		return err
	}
	left, err := r.inherited()
	if err != nil {
		return err
	}
	err = r.prepare(left, watcher)
	if err == nil {
		r.pprof, err = r.newPprofServer(ctx, host, r.watched.profiles)
	}
	if err == nil {
		r.observe(host, watcher)
		return nil
	}
	return errors.Join(err, r.abandon(left))
}

// abandon frees what a Start that failed made, and what it should have gone on with.
func (r *ebpfReceiver) abandon(left *estate) (err error) {
	if r.attacher == nil && left != nil {
		r.attacher, r.watched = left.attacher, left.watched
	}
	if r.attacher != nil {
		err = r.attacher.Close()
		r.watched.profiles.forgetAll()
	}
	return errors.Join(err, r.release())
}

// prepare makes all parts but the server, and runs none.
func (r *ebpfReceiver) prepare(left *estate, watcher *discover.Watcher) (err error) {
	if left != nil {
		r.programs, r.sampling, r.sdks = left.programs, left.sampling, left.sdks
	} else if r.programs, err = probe.Load(r.options()); err != nil {
		return err
	}
	if r.reader, err = r.programs.NewReader(); err != nil {
		return err
	}
	r.counts = &kernelCounts{read: r.readKernel(watcher)}
	if err := r.telemetry.ObserveKernel(r.counts.get); err != nil {
		return err
	}
	if r.governing, err = r.newGoverning(left); err != nil {
		return err
	}
	if err := r.prepareSampling(left); err != nil {
		return err
	}
	vitals, err := newVitals(r)
	if err != nil {
		return err
	}
	r.tellRefusals()
	r.watched = &observer{
		telemetry: r.telemetry, runtimes: newRuntimes(r), dumps: newDumps(r), peers: newPeers(r), vitals: vitals, tallies: newTallies(r),
		governing: r.governing, profiles: newProfiles(r), heaps: newHeaps(r), footprint: footprint.NewKeeper(),
	}
	if err := r.sampleCPUs(left); err != nil {
		return err
	}
	wanted := attach.Wanted{
		Probes:      r.sinks.probed() || r.watched.profiles.enabled,
		Runtime:     r.watched.runtimes.enabled,
		Goroutines:  r.watched.dumps.enabled,
		Allocations: r.watched.heaps.enabled,
		SDKSpans:    r.config.SDKSpans && r.sinks.traces != nil,
		Profiles:    r.watched.profiles.enabled,
		Looks:       r.sampling != nil,
	}
	r.attacher = attach.New(r.programs, wanted, r.events(), r.tier, r.watched, r.settings.Logger)
	if left != nil {
		r.watched.inherit(left.watched, left.attacher.Attached())
		r.attacher.Inherit(left.attacher)
	}
	return nil
}

// observe runs all parts.
func (r *ebpfReceiver) observe(host component.Host, watcher *discover.Watcher) {
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	watched := r.watched
	r.sdks = emit.NewSDKs(r.attacher.Table().SDKLayout, sdkReport{r.telemetry}, r.sdks)
	records := newRecords(r, r.attacher.Table(), watched.peers, watched.profiles)
	r.run(host, &r.observing, "discovering processes", func() error { return watcher.Run(ctx, r.attacher.Handle) })
	r.run(host, &r.observing, "attaching probes", func() error { return r.attacher.Run(ctx) })
	if r.governing != nil {
		r.run(host, &r.observing, "governing probes", func() error { return r.governing.governor.Run(ctx) })
	}
	if r.sampling != nil {
		r.run(host, &r.observing, "sampling goroutines", func() error { return r.sampling.looks.Run(ctx) })
	}
	r.run(host, &r.observing, "reading runtime metrics", func() error { return watched.runtimes.run(ctx) })
	r.run(host, &r.observing, "dumping goroutines", func() error { return watched.dumps.run(ctx) })
	r.run(host, &r.observing, "telling traffic", func() error { return watched.peers.run(ctx) })
	r.run(host, &r.observing, "reading vitals of processes", func() error { return watched.vitals.run(ctx) })
	r.run(host, &r.observing, "telling what the programs count", func() error { return watched.tallies.run(ctx) })
	r.run(host, &r.observing, "reading heap profiles", func() error { return watched.heaps.run(ctx) })
	r.run(host, &r.observing, "telling profiles", func() error { return watched.profiles.run(ctx) })
	r.observing.Go(func() {
		watched.footprint.Run(ctx, func(err error) {
			r.settings.Logger.Debug("Memory that is not needed any more is kept", zap.Error(err))
		})
	})
	if r.pprof != nil {
		r.run(host, &r.serving, "serving profiles", r.pprof.run)
	}
	r.run(host, &r.delivering, "reading records", records.run)
}

// run starts a goroutine of a group that Shutdown waits for. Its error makes the
// component's status permanent: it does not come back by itself.
func (r *ebpfReceiver) run(host component.Host, group *sync.WaitGroup, what string, f func() error) {
	group.Go(func() {
		if err := f(); err != nil {
			err = fmt.Errorf("%s: %w", what, err)
			r.settings.Logger.Error("The receiver no longer observes", zap.Error(err))
			componentstatus.ReportStatus(host, componentstatus.NewPermanentErrorEvent(err))
		}
	})
}

// Shutdown delivers what the probes told. It leaves them to the heirs; without, it
// detaches them before and frees the programs.
func (r *ebpfReceiver) Shutdown(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.stop = nil
	r.observing.Wait()
	var err error
	if r.heirs == nil {
		err = r.attacher.Close()
	}
	err = errors.Join(err, r.reader.Drain(ctx), r.reader.Close())
	r.delivering.Wait()
	r.watched.profiles.flush()
	err = errors.Join(err, r.pprof.close(ctx))
	r.serving.Wait()
	if r.heirs == nil {
		r.watched.profiles.forgetAll()
		return errors.Join(err, r.release())
	}
	err = errors.Join(err, r.counts.freeze())
	r.leave()
	return err
}

// release frees what was made, which may not be all.
func (r *ebpfReceiver) release() error {
	var errs []error
	if r.counts != nil {
		errs = append(errs, r.counts.freeze())
	}
	if r.reader != nil {
		errs = append(errs, r.reader.Close())
	}
	errs = append(errs, r.sampling.close())
	if r.programs != nil {
		errs = append(errs, r.programs.Close())
	}
	return errors.Join(errs...)
}

func (r *ebpfReceiver) discovery() discover.Config {
	targets := make([]discover.Target, len(r.config.Targets))
	for i, t := range r.config.Targets {
		targets[i] = t.target()
		if r.sinks.traces == nil {
			targets[i].SDKSpans = nil // nobody takes them
		}
	}
	return discover.Config{Targets: targets, Interval: r.config.Discovery.Interval}
}
