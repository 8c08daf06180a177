// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/allocations"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// Outcomes of a reading of a heap profile.
const (
	heapRead   = "read"
	heapFailed = "failed"
	// heapCut: it has more than what is read.
	heapCut = "cut"
	// heapOff: the process samples no allocations.
	heapOff = "off"
)

// heaps reads the heap profiles of all attached processes out of their memory, at
// the configured interval.
type heaps struct {
	enabled   bool
	interval  time.Duration
	top       int // sites to tell
	sinks     *sinks
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
	version   string
	reader    *allocations.Reader

	mu    sync.Mutex // guards heaps: the attacher adds and removes, run reads
	heaps map[*discover.Process]*heap
}

// heap is that of one process.
type heap struct {
	layout *allocations.Layout
	open   func() (goroutines.Executable, error)

	mu      sync.Mutex // held while its memory is read or closed
	process *discover.Process
	target  profile.Target
	sites   *allocations.Sites
	memory  *procmem.Process
	closed  bool
}

func newHeaps(r *ebpfReceiver) *heaps {
	config := r.config.Allocations
	h := &heaps{
		interval:  config.Interval,
		sinks:     &r.sinks,
		telemetry: r.telemetry,
		logger:    r.settings.Logger,
		version:   r.settings.BuildInfo.Version,
		reader:    allocations.NewReader(),
		heaps:     make(map[*discover.Process]*heap),
	}
	if r.sinks.logs != nil {
		h.top = config.Top
	}
	h.enabled = config.Enabled && (h.top > 0 || r.sinks.profiles != nil)
	return h
}

func (h *heaps) add(p *discover.Process, layouts attach.Layouts) {
	if !h.enabled || layouts.Allocations == nil {
		return
	}
	memory, err := procmem.Open(p.PID)
	if err != nil {
		h.failed(p, err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heaps[p] = &heap{
		layout:  layouts.Allocations,
		open:    executableOf(p.PID),
		process: p,
		target:  profile.Target{Code: layouts.Code, Bias: layouts.Bias},
		sites:   allocations.NewSites(p.StartTime),
		memory:  memory,
	}
}

// rename goes on with a process as another. It reports false where there is none
// to go on with.
func (h *heaps) rename(before, p *discover.Process) bool {
	if !h.enabled {
		h.remove(before)
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	found, ok := h.heaps[before]
	if !ok {
		return false
	}
	delete(h.heaps, before)
	h.heaps[p] = found
	found.mu.Lock()
	defer found.mu.Unlock()
	found.process = p
	return true
}

func (h *heaps) remove(p *discover.Process) {
	h.mu.Lock()
	found, ok := h.heaps[p]
	delete(h.heaps, p)
	h.mu.Unlock()
	if !ok {
		return
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	found.closed = true
	if err := found.memory.Close(); err != nil {
		h.failed(p, err)
	}
}

// run reads until ctx is done.
func (h *heaps) run(ctx context.Context) error {
	if !h.enabled {
		return nil
	}
	return every(ctx, h.interval, func(time.Time) {
		batch := emit.NewBatch(metadata.ScopeName, h.version, emit.Clock{}, nil, nil)
		profiles := emit.NewProfiles(metadata.ScopeName, h.version)
		h.readAll(ctx, batch, profiles)
		h.sinks.consumeLogs(ctx, batch.Logs())
		h.sinks.consumeProfiles(ctx, profiles.Profiles())
	})
}

// readAll reads the heap profile of each process. The attacher does not wait for it.
func (h *heaps) readAll(ctx context.Context, batch *emit.Batch, profiles *emit.Profiles) {
	h.mu.Lock()
	all := slices.Collect(maps.Values(h.heaps))
	h.mu.Unlock()
	for _, one := range all {
		if ctx.Err() != nil {
			return
		}
		h.readOne(one, batch, profiles)
	}
}

func (h *heaps) readOne(one *heap, batch *emit.Batch, profiles *emit.Profiles) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.closed {
		return
	}
	if err := h.read(one, batch, profiles); err != nil {
		h.failed(one.process, err)
	}
}

// read reads one, whose lock is held.
func (h *heaps) read(one *heap, batch *emit.Batch, profiles *emit.Profiles) (err error) {
	executable, err := one.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, executable.Close()) }()
	one.target.Executable = executable
	now := time.Now()
	since, err := one.sites.Read(h.reader, one.layout, one.memory, one.target, now)
	if err != nil {
		return err
	}
	switch reading := one.sites.Reading(); {
	case reading.Rate == 0:
		h.count(heapOff)
		return nil
	case reading.Cut:
		h.count(heapCut)
	default:
		h.count(heapRead)
	}
	for _, site := range one.sites.Top(h.top) {
		batch.AddSite(one.process, since, now, &site)
	}
	if h.sinks.profiles != nil {
		profiles.Add(one.process, one.sites.Profile(one.target))
	}
	return nil
}

func (h *heaps) count(outcome string) {
	h.telemetry.HeapReads.Add(context.Background(), 1, by("outcome", outcome))
}

func (h *heaps) failed(p *discover.Process, err error) {
	if errors.Is(err, procmem.ErrGone) {
		return // detached soon
	}
	h.count(heapFailed)
	h.logger.Debug("Reading the heap profile of a process", zap.Int("pid", p.PID), zap.Error(err))
}
