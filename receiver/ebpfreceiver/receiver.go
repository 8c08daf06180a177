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
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// ebpfReceiver owns the programs and eleven goroutines: discovery, the attacher, the
// governor, the sampler, the reader of records, the server of profiles, and those
// that tell every interval: of the runtime, of goroutines, of the traffic, of CPUs
// and of what else the kernel keeps about a process.
type ebpfReceiver struct {
	config    *Config
	settings  receiver.Settings
	telemetry *metadata.TelemetryBuilder
	sinks     sinks

	programs *probe.Programs
	sampling *sampling
	reader   *probe.Reader
	counts   *kernelCounts
	profiles *profiles
	pprof    *pprofServer // nil: none

	stop       context.CancelFunc
	observing  sync.WaitGroup // ends with stop
	delivering sync.WaitGroup // ends when the reader is closed
	serving    sync.WaitGroup // ends when the server is closed
}

func newReceiver(set receiver.Settings, config *Config) (*ebpfReceiver, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("making the receiver's metrics: %w", err)
	}
	s, err := newSinks(set)
	if err != nil {
		return nil, fmt.Errorf("making the receiver's report: %w", err)
	}
	return &ebpfReceiver{config: config, settings: set, telemetry: telemetry, sinks: s}, nil
}

// Start loads the programs and begins to look for processes. What the kernel
// or the capabilities lack makes it fail, by name.
func (r *ebpfReceiver) Start(ctx context.Context, host component.Host) error {
	if err := requireHostPIDs(); err != nil {
		return err
	}
	watcher, err := discover.New(r.discovery(), r.settings.Logger)
	if err != nil {
		return err
	}
	if r.programs, err = probe.Load(probe.Options{}); err != nil {
		return err
	}
	if r.reader, err = r.programs.NewReader(); err != nil {
		return errors.Join(err, r.programs.Close())
	}
	r.counts = &kernelCounts{read: r.readKernel(watcher)}
	if err := r.telemetry.ObserveKernel(r.counts.get); err != nil {
		return errors.Join(err, r.release())
	}
	governor, err := r.newGovernor()
	if err != nil {
		return errors.Join(err, r.release())
	}
	if r.sampling, err = r.newSampling(); err != nil {
		return errors.Join(err, r.release())
	}
	vitals, err := newVitals(r)
	if err != nil {
		return errors.Join(err, r.release())
	}
	r.tellRefusals()
	runtimes, peers, dumps := newRuntimes(r), newPeers(r), newDumps(r)
	r.profiles = newProfiles(r)
	if r.pprof, err = r.newPprofServer(ctx, host, r.profiles); err != nil {
		return errors.Join(err, r.release())
	}
	if err := r.sampleCPUs(r.profiles); err != nil {
		return errors.Join(err, r.pprof.close(ctx), r.release())
	}
	watched := &observer{
		telemetry: r.telemetry, runtimes: runtimes, dumps: dumps, peers: peers, vitals: vitals, governor: governor,
		sampling: r.sampling, profiles: r.profiles,
	}
	wanted := attach.Wanted{
		Probes:     r.sinks.probed() || r.profiles.enabled,
		Runtime:    runtimes.enabled,
		Goroutines: dumps.enabled,
		Profiles:   r.profiles.enabled,
	}
	attacher := attach.New(r.programs, wanted, r.events(), r.tier, watched, r.settings.Logger)
	records := newRecords(r, attacher.Table(), peers, r.profiles)

	running, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	r.run(host, &r.observing, "discovering processes", func() error { return watcher.Run(running, attacher.Handle) })
	r.run(host, &r.observing, "attaching probes", func() error { return attacher.Run(running) })
	if governor != nil {
		r.run(host, &r.observing, "governing probes", func() error { return governor.Run(running) })
	}
	if r.sampling != nil {
		r.run(host, &r.observing, "sampling goroutines", func() error { return r.sampling.sampler.Run(running) })
	}
	r.run(host, &r.observing, "reading runtime metrics", func() error { return runtimes.run(running) })
	r.run(host, &r.observing, "dumping goroutines", func() error { return dumps.run(running) })
	r.run(host, &r.observing, "telling traffic", func() error { return peers.run(running) })
	r.run(host, &r.observing, "reading vitals of processes", func() error { return vitals.run(running) })
	r.run(host, &r.observing, "telling profiles", func() error { return r.profiles.run(running) })
	if r.pprof != nil {
		r.run(host, &r.serving, "serving profiles", r.pprof.run)
	}
	r.run(host, &r.delivering, "reading records", records.run)
	return nil
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

// Shutdown detaches all probes, delivers what they told, and frees the programs.
func (r *ebpfReceiver) Shutdown(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.stop = nil
	r.observing.Wait()
	err := r.reader.Drain(ctx)
	err = errors.Join(err, r.reader.Close())
	r.delivering.Wait()
	r.profiles.finish()
	err = errors.Join(err, r.pprof.close(ctx))
	r.serving.Wait()
	return errors.Join(err, r.release())
}

func (r *ebpfReceiver) release() error {
	return errors.Join(r.counts.freeze(), r.reader.Close(), r.sampling.close(), r.programs.Close())
}

func (r *ebpfReceiver) discovery() discover.Config {
	targets := make([]discover.Target, len(r.config.Targets))
	for i, t := range r.config.Targets {
		targets[i] = t.target()
	}
	return discover.Config{Targets: targets, Interval: r.config.Discovery.Interval}
}
