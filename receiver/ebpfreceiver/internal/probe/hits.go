// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"sync"
)

// Hits are how often probes of a process were hit, by the tier that has them.
type Hits struct {
	Spans, Scheduler uint64
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
		sum.Spans += h.Spans
		sum.Scheduler += h.Scheduler
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
