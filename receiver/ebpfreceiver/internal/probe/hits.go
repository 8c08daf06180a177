// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Runs are how often programs ran for a process, and for how long.
type Runs struct {
	Count uint64
	Time  time.Duration
}

// Hits are the runs of the probes of a process, by the tier that has them, and of the
// kernel's tracepoints for it.
type Hits struct {
	Spans, Scheduler, Kernel Runs
}

// Minus is what came after an earlier count.
func (h Hits) Minus(before Hits) Hits {
	return Hits{h.Spans.minus(before.Spans), h.Scheduler.minus(before.Scheduler), h.Kernel.minus(before.Kernel)}
}

func (r Runs) minus(before Runs) Runs { return Runs{r.Count - before.Count, r.Time - before.Time} }

func (r *Runs) add(count, ns uint64) {
	r.Count += count
	r.Time += time.Duration(ns)
}

// Hits since the process was attached.
func (a *Attachment) Hits() (Hits, error) { return a.programs.hits(a.slot) }

func (p *Programs) hits(slot uint32) (Hits, error) {
	var perCPU []spansHitCount
	if err := p.spans.Hits.Lookup(slot, &perCPU); err != nil {
		return Hits{}, fmt.Errorf("reading how often probes were hit: %w", err)
	}
	var sum Hits
	for _, h := range perCPU {
		sum.Spans.add(h.Spans, h.SpansNs)
		sum.Scheduler.add(h.Scheduler, h.SchedulerNs)
		sum.Kernel.add(h.Kernel, h.KernelNs)
	}
	return sum, nil
}

func (p *Programs) clearHits(slot uint32) error {
	var perCPU []spansHitCount
	err := p.spans.Hits.Lookup(slot, &perCPU)
	if err == nil {
		clear(perCPU)
		err = p.spans.Hits.Put(slot, perCPU)
	}
	if err != nil {
		return fmt.Errorf("clearing the count of hits: %w", err)
	}
	return nil
}

// slots hands out the slots in which hits are counted. It is safe for
// concurrent use.
type slots struct {
	mu   sync.Mutex
	next uint32
	max  uint32
	free []uint32
}

var errNoSlot = errors.New("too many processes are observed at once")

func (s *slots) take() (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		return slot, nil
	}
	if s.next >= s.max {
		return 0, fmt.Errorf("%w: %d", errNoSlot, s.max)
	}
	s.next++
	return s.next - 1, nil
}

func (s *slots) give(slot uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, slot)
}
