// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
)

// Config of a Watcher.
type Config struct {
	// Targets select the processes, the first that matches. None: every Go process.
	Targets []Target
	// Interval between scans, at most: they are at its beats. 0 for DefaultInterval.
	Interval time.Duration
	// IncludeSelf also watches the process that watches.
	IncludeSelf bool
	// ProcRoot is the proc tree; empty for /proc. In another tree the end of a
	// process is noticed by scans only.
	ProcRoot string
}

// DefaultInterval between scans: a service that just started is observed
// within a second.
const DefaultInterval = time.Second

// Watcher tells of the processes of its targets.
type Watcher struct {
	config Config
	logger *zap.Logger
	counts counts
}

// New makes a Watcher, or returns all errors of its targets.
func New(config Config, logger *zap.Logger) (*Watcher, error) {
	var errs []error
	for i, t := range config.Targets {
		if err := t.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("targets[%d]: %w", i, err))
		}
	}
	if config.Interval < 0 {
		errs = append(errs, fmt.Errorf("interval: %v is negative: want a time between scans such as 1s", config.Interval))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if config.Interval == 0 {
		config.Interval = DefaultInterval
	}
	config.ProcRoot = firstOf(config.ProcRoot, procRoot)
	return &Watcher{config: config, logger: logger}, nil
}

// Count is the number of examinations with that outcome so far. It may be
// called at any time.
func (w *Watcher) Count(o Outcome) uint64 { return w.counts[o].Load() }

// Run watches until ctx is done and then returns nil. It calls handle for each
// event, in this goroutine: nothing is scanned while handle works. It emits no
// Stopped for what still runs at its end, and one Listed after the first scan. It fails where the proc tree cannot be
// listed.
func (w *Watcher) Run(ctx context.Context, handle func(Event)) (err error) {
	proc, err := openProcfs(w.config.ProcRoot)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proc.close()) }()
	ends, err := newEnds(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ends.close()) }()
	boot, err := bootTime(time.Now())
	if err != nil {
		return err
	}
	s := w.newScanner(proc, boot, w.following(ends, handle))
	for first := true; ctx.Err() == nil; first = false {
		next := clock.NextBeat(w.config.Interval)
		if err := s.scan(); err != nil {
			return err
		}
		if first {
			w.tellAbsent(s)
			handle(Event{Kind: Listed})
		}
		if err := waitUntil(ctx, next, ends, s); err != nil {
			return err
		}
	}
	return nil
}

// tellAbsent logs the PIDs of targets that no process has.
func (w *Watcher) tellAbsent(s *scanner) {
	for i, t := range w.config.Targets {
		if t.PID != 0 && s.known[t.PID] == nil {
			w.logger.Warn("No process has the pid of a target; it is observed once there is one",
				zap.Int("pid", t.PID), zap.Int("target", i))
		}
	}
}

// waitUntil handles the ends of processes until the next scan.
func waitUntil(ctx context.Context, next time.Time, ends *ends, s *scanner) error {
	for ctx.Err() == nil && time.Now().Before(next) {
		ended, err := ends.wait(next)
		if err != nil {
			return err
		}
		for _, p := range ended {
			s.stopped(p)
		}
	}
	return nil
}

// following returns handle preceded by keeping the pidfds up to date.
func (w *Watcher) following(ends *ends, handle func(Event)) func(Event) {
	warned := false
	return func(event Event) {
		switch {
		case event.Kind == Stopped:
			ends.remove(event.Process)
		case w.config.ProcRoot == procRoot:
			if err := ends.add(event.Process); err != nil && !warned {
				warned = true
				w.logger.Warn("The end of some processes will be noticed by scans only", zap.Error(err))
			}
		}
		handle(event)
	}
}

func (w *Watcher) newScanner(proc *procfs, boot time.Time, emit func(Event)) *scanner {
	return &scanner{
		examiner: &examiner{
			proc:      proc,
			targets:   w.config.Targets,
			self:      selfPID(w.config.ProcRoot, w.config.IncludeSelf),
			boot:      boot,
			binaries:  binaries{},
			listeners: newListeners(proc),
			refusals:  refusals{logger: w.logger, told: map[string]struct{}{}},
		},
		counts: &w.counts,
		emit:   emit,
		now:    time.Now,
		known:  map[int]*known{},
	}
}

// bootTime is when the host booted, by the clock that processes' start times use.
func bootTime(now time.Time) (time.Time, error) {
	var sinceBoot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &sinceBoot); err != nil {
		return time.Time{}, fmt.Errorf("read the boot clock: %w", err)
	}
	return now.Add(-time.Duration(sinceBoot.Nano())), nil
}
