// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// sampleGrace is how long samples of a process may come after its end.
const sampleGrace = time.Second

// profiles gathers what is sampled of all attached processes, and tells of it at
// the configured interval.
type profiles struct {
	enabled   bool
	interval  time.Duration
	period    time.Duration // between two samples of a CPU
	sinks     *sinks
	kept      *profile.Kept[*discover.Process] // nil: none are
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
	version   string

	mu      sync.Mutex // guards sampled: the attacher, the reader of records, run and requests use it
	sampled map[*discover.Process]*sampledProcess
}

// sampledProcess is one of which profiles are made.
type sampledProcess struct {
	target     profile.Target
	executable io.Closer
	users      atomic.Int32 // of the executable: the last one closes it
	window     *profile.Window
	ended      time.Time // zero while it runs
}

func newProfiles(r *ebpfReceiver) *profiles {
	config := r.config.Profiles
	p := &profiles{
		enabled:   r.profiled(),
		interval:  config.Interval,
		sinks:     &r.sinks,
		telemetry: r.telemetry,
		logger:    r.settings.Logger,
		version:   r.settings.BuildInfo.Version,
		sampled:   make(map[*discover.Process]*sampledProcess),
	}
	if !p.enabled {
		return p // by a configuration that need not be valid
	}
	p.period = time.Second / time.Duration(config.Frequency)
	if config.Pprof.HTTP.HasValue() {
		p.kept = profile.NewKept[*discover.Process](config.Pprof.Retention, config.Pprof.MemoryMiB<<20)
	}
	return p
}

// profiled reports whether CPUs are sampled: somebody wants to know.
func (r *ebpfReceiver) profiled() bool {
	config := r.config.Profiles
	return config.Enabled && (r.sinks.profiles != nil || config.Pprof.HTTP.HasValue())
}

// add begins to make profiles of a process. Code is nil where that of its
// executable is unknown.
func (p *profiles) add(process *discover.Process, a *probe.Attachment, code *profile.Code, bias uint64) {
	if !p.enabled || a == nil || code == nil {
		return
	}
	executable, err := a.OpenExecutable()
	if err != nil {
		p.failed(process, err)
		return
	}
	s := &sampledProcess{
		target:     profile.Target{Code: code, Executable: executable, Bias: bias},
		executable: executable,
		window:     profile.NewWindow(time.Now()),
	}
	s.users.Store(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sampled[process] = s
}

// remove notes the end of a process. Its last samples may still come.
func (p *profiles) remove(process *discover.Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.sampled[process]; ok {
		s.ended = time.Now()
	}
}

// take adds a sample to the profile of its process.
func (p *profiles) take(process *discover.Process, sample *record.Sample) {
	p.telemetry.ProfileSamples.Add(context.Background(), 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.sampled[process]
	if !ok {
		p.lost(1, "unprofiled")
	} else if !s.window.Add(sample, s.target) {
		p.lost(1, "window_full")
	}
}

// run tells of profiles until ctx is done.
func (p *profiles) run(ctx context.Context) error {
	if !p.enabled {
		return nil
	}
	return every(ctx, p.interval, func(time.Time) {
		p.flush()
	})
}

// rename goes on with a process as another. It reports false where there is none
// to go on with.
func (p *profiles) rename(before, process *discover.Process) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.sampled[before]
	if ok {
		delete(p.sampled, before)
		p.sampled[process] = s
	}
	return ok
}

// forgetAll closes what is kept open. No samples come any more.
func (p *profiles) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for process := range p.sampled {
		p.forget(process)
	}
}

// finished is a window that has ended.
type finished struct {
	process *discover.Process
	target  profile.Target
	window  *profile.Window
}

// flush ends the windows of all processes and tells of them.
func (p *profiles) flush() {
	if !p.enabled {
		return
	}
	now := time.Now()
	batch := emit.NewProfiles(metadata.ScopeName, p.version)
	var ended []*discover.Process
	for _, f := range p.turn(now, &ended) {
		made := f.window.Profile(f.target, now, p.period)
		if p.sinks.profiles != nil {
			batch.Add(f.process, made)
		}
		if p.kept != nil {
			p.lost(p.kept.Add(f.process, made), "memory_full")
		}
	}
	p.mu.Lock()
	for _, process := range ended {
		p.forget(process)
	}
	p.mu.Unlock()
	p.sinks.consumeProfiles(context.Background(), batch.Profiles())
}

// turn takes the windows that have samples, and begins new ones. It notes those
// processes of which no more samples come.
func (p *profiles) turn(now time.Time, ended *[]*discover.Process) []finished {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []finished
	for process, s := range p.sampled {
		if !s.ended.IsZero() && now.Sub(s.ended) >= sampleGrace {
			*ended = append(*ended, process)
		}
		if !s.window.Empty() {
			all = append(all, finished{process, s.target, s.window})
		}
		s.window = profile.NewWindow(now)
	}
	return all
}

// forget closes what is kept open for a process. The lock is held.
func (p *profiles) forget(process *discover.Process) {
	s := p.sampled[process]
	delete(p.sampled, process)
	p.release(process, s)
}

// release ends a use of the process's executable.
func (p *profiles) release(process *discover.Process, s *sampledProcess) {
	if s.users.Add(-1) > 0 {
		return
	}
	if err := s.executable.Close(); err != nil {
		p.failed(process, err)
	}
}

func (p *profiles) lost(samples int, reason string) {
	if samples > 0 {
		p.telemetry.ProfileSamplesLost.Add(context.Background(), int64(samples), by("reason", reason))
	}
}

func (p *profiles) failed(process *discover.Process, err error) {
	p.logger.Warn("A process cannot be profiled", zap.Int("pid", process.PID), zap.Error(err))
}

// sampleCPUs starts the samples, if they are wanted. Those of an estate go on.
func (r *ebpfReceiver) sampleCPUs(left *estate) error {
	if left != nil || !r.profiled() {
		return nil
	}
	if err := r.programs.SampleCPUs(r.watched.profiles.period); err != nil {
		return fmt.Errorf("profiles: %w (profiles.enabled: false does without)", err)
	}
	return nil
}

// Subjects implements profile.Source.
func (p *profiles) Subjects() []profile.Subject {
	var found []profile.Subject
	known := make(map[int]bool) // the latest of those with one ID
	for _, process := range p.processes() {
		if !known[process.PID] {
			known[process.PID] = true
			found = append(found, profile.Subject{PID: process.PID, Service: process.ServiceName, Executable: process.Executable})
		}
	}
	return found
}

// processes are those that are sampled, then those that were: a running one is
// before those whose ID it has.
func (p *profiles) processes() []*discover.Process {
	p.mu.Lock()
	var all, ended []*discover.Process
	for process, s := range p.sampled {
		if s.ended.IsZero() {
			all = append(all, process)
		} else {
			ended = append(ended, process)
		}
	}
	p.mu.Unlock()
	return append(append(all, ended...), p.kept.Processes(time.Now())...)
}

// Between implements profile.Source. The profile under way ends now.
func (p *profiles) Between(pid int, from, to time.Time) []*profile.Profile {
	for _, process := range p.processes() {
		if process.PID != pid {
			continue
		}
		found := p.kept.Between(process, from, to, time.Now())
		if current := p.current(process); current != nil && current.Overlaps(from, to) {
			found = append(found, current)
		}
		return found
	}
	return nil
}

// current is the profile under way, nil where it is empty. Samples need not wait
// until the source of its code is found.
func (p *profiles) current(process *discover.Process) *profile.Profile {
	s, window := p.use(process)
	if s == nil {
		return nil
	}
	defer p.release(process, s)
	return window.Profile(s.target, time.Now(), p.period)
}

// use is a process with what its window has now, until release; nil where that
// is nothing.
func (p *profiles) use(process *discover.Process) (*sampledProcess, *profile.Window) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.sampled[process]
	if !ok || s.window.Empty() {
		return nil, nil
	}
	s.users.Add(1)
	return s, s.window.Snapshot()
}
