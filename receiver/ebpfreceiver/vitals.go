// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/vitals"
)

// processVitals reads the throttling and the page faults of all attached
// processes at the interval of the runtime metrics.
type processVitals struct {
	interval  time.Duration
	metrics   bool // are wanted
	throttled bool // events are wanted
	// faults is how many major faults between two readings are an event; 0: none.
	faults      uint64
	hierarchies vitals.Hierarchies
	sinks       *sinks
	failed      func(*discover.Process, error)
	version     string

	mu        sync.Mutex // guards processes: the attacher adds and removes, run reads
	processes map[*discover.Process]*vitals.Process
}

func newVitals(r *ebpfReceiver) (*processVitals, error) {
	hierarchies, err := vitals.FindHierarchies()
	if err != nil {
		return nil, err
	}
	config := r.config.Events
	v := &processVitals{
		interval:    r.config.Runtime.Interval,
		metrics:     r.config.Runtime.Enabled && r.sinks.metrics != nil,
		throttled:   config.Throttling.Enabled && r.sinks.logs != nil,
		hierarchies: hierarchies,
		sinks:       &r.sinks,
		failed: func(p *discover.Process, err error) {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				return // detached soon
			}
			r.telemetry.RuntimeReadFailures.Add(context.Background(), 1)
			r.settings.Logger.Debug("Reading what the kernel keeps about a process", zap.Int("pid", p.PID), zap.Error(err))
		},
		version:   r.settings.BuildInfo.Version,
		processes: make(map[*discover.Process]*vitals.Process),
	}
	if config.PageFaults.Enabled && r.sinks.logs != nil {
		v.faults = uint64(config.PageFaults.MinMajor)
	}
	return v, nil
}

func (v *processVitals) enabled() bool { return v.metrics || v.throttled || v.faults > 0 }

func (v *processVitals) add(p *discover.Process) {
	if !v.enabled() {
		return
	}
	process, err := vitals.NewProcess(v.hierarchies, p.PID, time.Now())
	if err != nil {
		v.failed(p, err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.processes[p] = process
}

func (v *processVitals) remove(p *discover.Process) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.processes, p)
}

// rename goes on with a process as another. It reports false where there is none
// to go on with.
func (v *processVitals) rename(before, p *discover.Process) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	process, ok := v.processes[before]
	delete(v.processes, before)
	if !ok || !v.enabled() {
		return false
	}
	v.processes[p] = process
	return true
}

// run reads until ctx is done.
func (v *processVitals) run(ctx context.Context) error {
	if !v.enabled() {
		return nil
	}
	return every(ctx, v.interval, func(now time.Time) {
		clock := emit.NewClock(now, uint64(now.UnixNano())) // readings are by wall time
		batch := emit.NewBatch(metadata.ScopeName, v.version, clock, nil, nil)
		metrics := v.collect(batch)
		v.sinks.consumeLogs(ctx, batch.Logs())
		v.sinks.consumeMetrics(ctx, metrics)
	})
}

// collect reads all processes once. Events go to the batch.
func (v *processVitals) collect(batch *emit.Batch) pmetric.Metrics {
	v.mu.Lock()
	defer v.mu.Unlock()
	metrics := pmetric.NewMetrics()
	for process, reader := range v.processes {
		throttled, paging, err := reader.Read(time.Now())
		if err != nil {
			v.failed(process, err)
			continue
		}
		if v.throttled {
			for _, t := range throttled {
				batch.AddThrottled(process, t)
			}
		}
		if v.faults > 0 && paging.Major >= v.faults {
			batch.AddPaging(process, paging)
		}
		if !v.metrics {
			continue
		}
		resource := metrics.ResourceMetrics().AppendEmpty()
		emit.PutResource(resource.Resource().Attributes(), process)
		scope := resource.ScopeMetrics().AppendEmpty()
		scope.Scope().SetName(metadata.ScopeName)
		scope.Scope().SetVersion(v.version)
		reader.AppendTo(scope.Metrics(), process.StartTime)
	}
	return metrics
}
