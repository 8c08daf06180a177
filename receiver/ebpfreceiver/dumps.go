// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// dumpShare bounds the dumps of one process: after one, the next waits for this
// many times as long as it took. That is at most 1 % of a CPU.
const dumpShare = 100

// Outcomes of a dump.
const (
	dumpTaken  = "taken"
	dumpFailed = "failed"
	// dumpPutOff: the one before took so long that this one waits.
	dumpPutOff = "put_off"
)

// dumps reads the goroutines of all attached processes out of their memory, at
// the configured interval, and tells of leaks and of the largest groups.
type dumps struct {
	enabled   bool
	interval  time.Duration
	top       int
	rule      goroutines.Rule
	limits    goroutines.Limits
	sinks     *sinks
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
	version   string
	reader    *goroutines.Reader
	traces    func(pid int) (map[uint64][16]byte, error) // of live goroutines that spans started

	mu      sync.Mutex // guards watched: the attacher adds and removes, run reads
	watched map[*discover.Process]*watchedProcess
}

// watchedProcess is a process whose goroutines are read.
type watchedProcess struct {
	process *discover.Process
	target  goroutines.Target
	tracker *goroutines.Tracker
	rule    goroutines.Rule // of watch
	watch   *goroutines.Watch
	due     time.Time // no dump before this

	mu     sync.Mutex // held while its memory is read or closed
	memory *procmem.Process
	closed bool
}

func newDumps(r *ebpfReceiver) *dumps {
	config := r.config.Goroutines
	d := &dumps{
		enabled:   config.Enabled && r.sinks.logs != nil,
		interval:  config.Interval,
		top:       config.Top,
		rule:      config.Leak.rule(),
		limits:    goroutines.DefaultLimits(),
		sinks:     &r.sinks,
		telemetry: r.telemetry,
		logger:    r.settings.Logger,
		version:   r.settings.BuildInfo.Version,
		watched:   make(map[*discover.Process]*watchedProcess),
		traces:    func(pid int) (map[uint64][16]byte, error) { return r.programs.Traces(pid) },
	}
	if d.enabled {
		d.reader = goroutines.NewReader(d.limits)
	}
	return d
}

// add begins to watch a process. Layout is nil where its goroutines cannot be read.
func (d *dumps) add(p *discover.Process, layout *goroutines.Layout, bias uint64) {
	if !d.enabled || layout == nil {
		return
	}
	memory, err := procmem.Open(p.PID)
	if err != nil {
		d.failed(p, err)
		return
	}
	w := &watchedProcess{
		process: p,
		target:  goroutines.Target{Layout: layout, Memory: memory, Bias: bias, Open: executableOf(p.PID)},
		tracker: goroutines.NewTracker(d.limits, time.Now()),
		rule:    d.rule,
		watch:   goroutines.NewWatch(d.rule),
		memory:  memory,
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched[p] = w
}

// rename goes on with a process as another, by the rule that holds now: by another
// one, leaks are looked for anew. It reports false where there is none to go on with.
func (d *dumps) rename(before, p *discover.Process) bool {
	if !d.enabled {
		d.remove(before)
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w, ok := d.watched[before]
	if !ok {
		return false
	}
	delete(d.watched, before)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
	if w.rule != d.rule {
		w.rule, w.watch = d.rule, goroutines.NewWatch(d.rule)
	}
	d.watched[p] = w
	return true
}

func (d *dumps) remove(p *discover.Process) {
	d.mu.Lock()
	w, ok := d.watched[p]
	delete(d.watched, p)
	d.mu.Unlock()
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if err := w.memory.Close(); err != nil {
		d.failed(p, err)
	}
}

// executableOf opens what the process executes now, as long as that is the file
// which it executed first.
func executableOf(pid int) func() (goroutines.Executable, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/exe"
	first, statErr := os.Stat(path)
	return func() (goroutines.Executable, error) {
		if statErr != nil {
			return nil, statErr
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if now, err := file.Stat(); err != nil || !os.SameFile(first, now) {
			return nil, errors.Join(fmt.Errorf("process %d executes another file", pid), err, file.Close())
		}
		return file, nil
	}
}

// run takes dumps until ctx is done.
func (d *dumps) run(ctx context.Context) error {
	if !d.enabled {
		return nil
	}
	return every(ctx, d.interval, func(time.Time) {
		d.dumpAll(ctx)
	})
}

// dumpAll takes a dump of each process. The attacher does not wait for it.
func (d *dumps) dumpAll(ctx context.Context) {
	d.mu.Lock()
	all := make([]*watchedProcess, 0, len(d.watched))
	for _, w := range d.watched {
		all = append(all, w)
	}
	d.mu.Unlock()
	batch := emit.NewBatch(metadata.ScopeName, d.version, emit.Clock{}, nil, nil)
	for _, w := range all {
		if ctx.Err() != nil {
			break
		}
		d.dump(w, batch)
	}
	d.sinks.consumeLogs(context.Background(), batch.Logs())
}

// tellLeaks tells them with the traces that leak, where these are known.
func (d *dumps) tellLeaks(w *watchedProcess, taken emit.Dump, batch *emit.Batch) {
	leaks := w.watch.Leaks(w.tracker, w.target.Layout)
	if len(leaks) == 0 {
		return
	}
	traces, err := d.traces(w.process.PID)
	if err != nil {
		d.logger.Warn("Leaks are told without their traces", zap.Int("pid", w.process.PID), zap.Error(err))
	}
	for _, leak := range leaks {
		origins := w.tracker.Origins(&leak.Group, traces)
		batch.AddLeak(w.process, taken, &leak, &origins)
	}
}

func (d *dumps) dump(w *watchedProcess, batch *emit.Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	start := time.Now()
	if w.closed {
		return
	}
	if start.Before(w.due) {
		d.count(dumpPutOff)
		return
	}
	if err := d.reader.Read(w.target, w.tracker, start); err != nil {
		d.failed(w.process, err)
		return
	}
	d.count(dumpTaken)
	taken := emit.Dump{Start: start, End: time.Now(), Live: w.tracker.Live()}
	w.due = taken.End.Add(dumpShare * taken.End.Sub(start))
	for loss, n := range w.tracker.TakeLosses() {
		if n > 0 {
			d.telemetry.GoroutinesIncomplete.Add(context.Background(), int64(n), by("reason", goroutines.Loss(loss).String()))
		}
	}
	d.tellLeaks(w, taken, batch)
	for _, group := range w.tracker.Top(w.target.Layout, d.top) {
		batch.AddGroup(w.process, taken, &group)
	}
}

func (d *dumps) count(outcome string) {
	d.telemetry.GoroutineDumps.Add(context.Background(), 1, by("outcome", outcome))
}

func (d *dumps) failed(p *discover.Process, err error) {
	if errors.Is(err, procmem.ErrGone) {
		return // detached soon
	}
	d.count(dumpFailed)
	d.logger.Debug("Reading the goroutines of a process", zap.Int("pid", p.PID), zap.Error(err))
}
