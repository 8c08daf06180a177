// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

const (
	// Interval between two looks at a goroutine.
	Interval = 10 * time.Millisecond
	// sweeps is after how many looks what is not needed any more is forgotten.
	sweeps = 100
	// idle is after what time without a look it is, too.
	idle = time.Second
	// pause is how long a process may have no exact ledgers before that is seen.
	pause = 100 * time.Millisecond
)

// Clock tells when to look; *probe.Looks is one.
type Clock interface {
	Enable(on bool) error
	Next(wait time.Duration) (at uint64, due bool, err error)
	Interrupt()
}

// Residents are the goroutines that are in a span.
type Residents interface {
	Append([]probe.Resident) []probe.Resident
}

// Counts are what a Sampler has done.
type Counts struct {
	// Samples that were taken.
	Samples uint64
	// Unreadable are those that were not: the process's memory could not be
	// read. Full found no room.
	Unreadable, Full uint64
	// Late are looks that came more than an interval after their time.
	Late uint64
	// Seen and Unseen are ledgers that were asked for, with and without a sample.
	Seen, Unseen uint64
}

// Sampler looks at goroutines that are in a span. Run is for one goroutine, the
// other methods are safe for concurrent use.
type Sampler struct {
	residents Residents
	clock     Clock
	failed    func(pid int, err error)
	store     *store

	samples, unreadable, full, late, seen, unseen atomic.Uint64

	mu      sync.Mutex
	targets map[uint32]*target
	left    map[uint32]uint64 // when processes were removed whose last spans may still be told

	found   []probe.Resident
	polls   uint64
	started uint64 // when the last look was
}

// New makes a Sampler. It tells failed, at most once a process, whose memory
// cannot be read.
func New(residents Residents, clock Clock, failed func(pid int, err error)) *Sampler {
	return &Sampler{
		residents: residents, clock: clock, failed: failed, store: newStore(Interval),
		targets: make(map[uint32]*target), left: make(map[uint32]uint64),
	}
}

// Add begins to look at a process's goroutines.
func (s *Sampler) Add(p Process) error {
	t, err := newTarget(p)
	if err != nil {
		return fmt.Errorf("sampling process %d: %w", p.PID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	pid := uint32(p.PID)
	s.store.forget(pid)
	delete(s.left, pid)
	s.targets[pid] = t
	return nil
}

// Remove ends looking at a process. Its ledgers can be asked for a while longer.
func (s *Sampler) Remove(pid int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.targets[uint32(pid)]
	if !ok {
		return nil
	}
	delete(s.targets, uint32(pid))
	s.left[uint32(pid)] = clock.Monotonic()
	return t.memory.Close()
}

// Ledger splits a goroutine's time from start to end. It is false where the
// process is not sampled.
func (s *Sampler) Ledger(pid uint32, goroutineID, start, end uint64) (ledger.Ledger, bool) {
	s.mu.Lock()
	_, here := s.targets[pid]
	_, left := s.left[pid]
	s.mu.Unlock()
	if !here && !left {
		return ledger.Ledger{}, false
	}
	spent, seen := s.store.ledger(goroutine{id: goroutineID, pid: pid}, start, end)
	if seen {
		s.seen.Add(1)
	} else {
		s.unseen.Add(1)
	}
	return spent, true
}

// Told forgets what was needed for an outermost span that ended at end.
func (s *Sampler) Told(pid uint32, goroutineID, end uint64) {
	s.store.told(goroutine{id: goroutineID, pid: pid}, end)
}

// Counts are what was done so far.
func (s *Sampler) Counts() Counts {
	return Counts{
		Samples: s.samples.Load(), Unreadable: s.unreadable.Load(), Full: s.full.Load(),
		Late: s.late.Load(), Seen: s.seen.Load(), Unseen: s.unseen.Load(),
	}
}

// Run looks until ctx is done. It can be run again.
func (s *Sampler) Run(ctx context.Context) (err error) {
	stop := context.AfterFunc(ctx, s.clock.Interrupt)
	defer stop()
	defer func() { err = errors.Join(err, s.clock.Enable(false)) }()
	for ctx.Err() == nil {
		if !s.needed() {
			if err := s.rest(ctx); err != nil {
				return err
			}
			continue
		}
		if err := s.clock.Enable(true); err != nil {
			return err
		}
		at, due, err := s.clock.Next(idle)
		if err != nil {
			return err
		}
		if due {
			s.Look()
			if s.started > at+uint64(Interval) {
				s.late.Add(1)
			}
		} else {
			s.sweep()
		}
	}
	return nil
}

// rest is while all ledgers are exact.
func (s *Sampler) rest(ctx context.Context) error {
	if err := s.clock.Enable(false); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(pause):
		s.sweep()
	}
	return nil
}

// needed reports whether some process has no exact ledgers.
func (s *Sampler) needed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.targets {
		if !t.Exact() {
			return true
		}
	}
	return false
}

// Look takes a sample of each goroutine that is in a span, of processes whose
// ledgers are not exact.
func (s *Sampler) Look() {
	s.polls++
	s.started = clock.Monotonic()
	if s.needed() {
		s.found = s.residents.Append(s.found[:0])
		s.look()
	}
	if s.polls%sweeps == 0 {
		s.sweep()
	}
}

func (s *Sampler) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resident := range s.found {
		if t, ok := s.targets[resident.PID]; ok && !t.Exact() {
			t.residents = append(t.residents, resident)
		}
	}
	for pid, t := range s.targets {
		if len(t.residents) > 0 {
			s.lookAt(pid, t)
			t.residents = t.residents[:0]
		}
	}
}

func (s *Sampler) lookAt(pid uint32, t *target) {
	at := clock.Monotonic()
	samples, err := t.look(s.polls)
	if err != nil {
		s.unreadable.Add(uint64(len(t.residents)))
		if !t.failed && !errors.Is(err, procmem.ErrGone) { // one that has ended is removed soon
			t.failed = true
			s.failed(int(pid), err)
		}
		return
	}
	full := s.store.add(at, samples)
	s.samples.Add(uint64(len(samples) - full))
	s.full.Add(uint64(full))
}

// sweep forgets what is not needed any more.
func (s *Sampler) sweep() {
	at := clock.Monotonic()
	s.store.expire(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.targets {
		t.expire(s.polls - min(sweeps, s.polls))
	}
	for pid, since := range s.left {
		if at-since > keep {
			delete(s.left, pid)
		}
	}
}

// Close ends looking at all processes. Run has ended.
func (s *Sampler) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pid, t := range s.targets {
		delete(s.targets, pid)
		s.left[pid] = clock.Monotonic()
		if err := t.memory.Close(); err != nil {
			s.failed(int(pid), err)
		}
	}
}
