// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goruntime"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// runtimes reads the runtime metrics of all attached processes out of their
// memory, at the configured interval.
type runtimes struct {
	enabled       bool
	interval      time.Duration
	maxGoroutines int
	sinks         *sinks
	failed        func(*discover.Process, error)
	unread        func(goroutines int64)
	version       string

	mu      sync.Mutex // guards readers: the attacher adds and removes, run reads
	readers map[*discover.Process]*runtimeReader
}

// runtimeReader reads one process.
type runtimeReader struct {
	memory   *procmem.Process
	reader   *goruntime.Reader
	snapshot goruntime.Snapshot
}

func newRuntimes(r *ebpfReceiver) *runtimes {
	return &runtimes{
		enabled:       r.config.Runtime.Enabled && r.sinks.metrics != nil,
		interval:      r.config.Runtime.Interval,
		maxGoroutines: r.config.Runtime.MaxGoroutines,
		sinks:         &r.sinks,
		failed: func(p *discover.Process, err error) {
			if errors.Is(err, procmem.ErrGone) {
				return // detached soon
			}
			r.telemetry.RuntimeReadFailures.Add(context.Background(), 1)
			r.settings.Logger.Debug("Reading the runtime of a process", zap.Int("pid", p.PID), zap.Error(err))
		},
		unread: func(goroutines int64) {
			r.telemetry.RuntimeGoroutinesUnread.Add(context.Background(), goroutines)
		},
		version: r.settings.BuildInfo.Version,
		readers: make(map[*discover.Process]*runtimeReader),
	}
}

func (r *runtimes) add(p *discover.Process, layout *goruntime.Layout, bias uint64) {
	if !r.enabled || !layout.Any() {
		return
	}
	memory, err := procmem.Open(p.PID)
	if err != nil {
		r.failed(p, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers[p] = &runtimeReader{memory: memory, reader: goruntime.NewReader(layout, memory, bias, r.maxGoroutines)}
}

func (r *runtimes) remove(p *discover.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reader, ok := r.readers[p]
	if !ok {
		return
	}
	delete(r.readers, p)
	if err := reader.memory.Close(); err != nil {
		r.failed(p, err)
	}
}

// run reads until ctx is done.
func (r *runtimes) run(ctx context.Context) error {
	if !r.enabled {
		return nil
	}
	return every(ctx, r.interval, func(time.Time) {
		r.sinks.consumeMetrics(ctx, r.collect())
	})
}

// collect reads all processes once.
func (r *runtimes) collect() pmetric.Metrics {
	r.mu.Lock()
	defer r.mu.Unlock()
	metrics := pmetric.NewMetrics()
	for process, reader := range r.readers {
		if err := reader.reader.Read(&reader.snapshot); err != nil {
			r.failed(process, err)
			continue
		}
		if unread := reader.snapshot.Unread(); unread > 0 && r.maxGoroutines > 0 {
			r.unread(unread)
		}
		resource := metrics.ResourceMetrics().AppendEmpty()
		emit.PutResource(resource.Resource().Attributes(), process)
		scope := resource.ScopeMetrics().AppendEmpty()
		scope.Scope().SetName(metadata.ScopeName)
		scope.Scope().SetVersion(r.version)
		reader.snapshot.AppendTo(scope.Metrics(), process.StartTime, time.Now())
	}
	return metrics
}
