// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/tally"
)

// tallies tells what the programs count of all attached processes, at the interval
// of the runtime metrics.
type tallies struct {
	counted  counted
	interval time.Duration
	// storm is how many of one signal between two readings are an event; 0: none.
	storm   uint64
	read    func() (map[int]*tally.Reading, error)
	failed  func(error)
	sinks   *sinks
	version string

	mu        sync.Mutex // guards processes: the attacher adds and removes, run reads
	processes map[*discover.Process]*tally.Process
}

// counted is what the programs count.
type counted struct{ disks, signals bool }

func newTallies(r *ebpfReceiver) *tallies {
	wanted := r.events()
	t := &tallies{
		counted:  counted{wanted.Disks, wanted.Signals},
		interval: r.config.Runtime.Interval,
		read:     r.programs.Tallies,
		failed: func(err error) {
			r.telemetry.RuntimeReadFailures.Add(context.Background(), 1)
			r.settings.Logger.Debug("Reading what the programs count of processes", zap.Error(err))
		},
		sinks:     &r.sinks,
		version:   r.settings.BuildInfo.Version,
		processes: make(map[*discover.Process]*tally.Process),
	}
	if wanted.Signals && r.sinks.logs != nil {
		t.storm = uint64(r.config.Events.Signals.MinCount)
	}
	return t
}

func (t *tallies) enabled() bool {
	return t.storm > 0 || (t.counted != counted{} && t.sinks.metrics != nil)
}

func (t *tallies) add(p *discover.Process, now time.Time) {
	if t.counted == (counted{}) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes[p] = tally.NewProcess(now)
}

func (t *tallies) remove(p *discover.Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.processes, p)
}

// inherit takes over what another receiver's knows of processes, if that counted the
// same.
func (t *tallies) inherit(from *tallies) {
	if t.counted == from.counted {
		t.processes = from.processes
	}
}

// rename goes on with a process as another. It reports false where there is none to
// go on with.
func (t *tallies) rename(before, p *discover.Process) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	process, ok := t.processes[before]
	delete(t.processes, before)
	if ok {
		t.processes[p] = process
	}
	return ok
}

// run tells until ctx is done.
func (t *tallies) run(ctx context.Context) error {
	if !t.enabled() {
		return nil
	}
	return every(ctx, t.interval, func(now time.Time) {
		readings, err := t.read()
		if err != nil {
			t.failed(err)
			return
		}
		clock := emit.NewClock(now, uint64(now.UnixNano())) // readings are by wall time
		batch := emit.NewBatch(metadata.ScopeName, t.version, clock, nil, nil)
		metrics := t.collect(readings, batch, now)
		t.sinks.consumeLogs(ctx, batch.Logs())
		t.sinks.consumeMetrics(ctx, metrics)
	})
}

// collect takes one reading of each process. Events go to the batch.
func (t *tallies) collect(readings map[int]*tally.Reading, batch *emit.Batch, now time.Time) pmetric.Metrics {
	t.mu.Lock()
	defer t.mu.Unlock()
	metrics := pmetric.NewMetrics()
	for process, counts := range t.processes {
		reading := readings[process.PID]
		if reading == nil { // nothing yet: what comes was not there before
			counts.Add(tally.Reading{}, t.storm, now)
			continue
		}
		for _, storm := range counts.Add(*reading, t.storm, now) {
			batch.AddStorm(process, storm)
		}
		resource := metrics.ResourceMetrics().AppendEmpty()
		emit.PutResource(resource.Resource().Attributes(), process)
		scope := resource.ScopeMetrics().AppendEmpty()
		scope.Scope().SetName(metadata.ScopeName)
		scope.Scope().SetVersion(t.version)
		counts.AppendTo(scope.Metrics())
	}
	return metrics
}
