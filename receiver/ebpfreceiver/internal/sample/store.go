// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"sync"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

const (
	// keep is how long a timeline waits for its span to be told.
	keep = uint64(5 * time.Second)
	// maxStored bounds the runs of all timelines: 8 MiB.
	maxStored = 1 << 18
)

// goroutine is unique while its process runs.
type goroutine struct {
	id  uint64
	pid uint32
}

// store holds the timelines of all goroutines that were in a span lately. It is
// safe for concurrent use.
type store struct {
	interval uint64

	mu        sync.Mutex
	timelines map[goroutine]*timeline
	runs      int
}

func newStore(interval time.Duration) *store {
	return &store{interval: uint64(interval), timelines: make(map[goroutine]*timeline)}
}

// sample is the cause for which a goroutine spent its time at an instant.
type sample struct {
	goroutine goroutine
	stay      uint64
	cause     ledger.Cause
}

// add puts in what one look saw. It returns how many samples found no room.
func (s *store) add(at uint64, samples []sample) (full int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range samples {
		t, ok := s.timelines[one.goroutine]
		if s.runs >= maxStored {
			full++
			continue
		}
		if !ok {
			t = &timeline{}
			s.timelines[one.goroutine] = t
		}
		s.runs += t.add(at, one.stay, one.cause, s.interval)
	}
	return full
}

// ledger splits a goroutine's time from start to end, and reports whether any
// sample speaks for some of it.
func (s *store) ledger(g goroutine, start, end uint64) (ledger.Ledger, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.timelines[g]
	if !ok {
		t = &timeline{}
	}
	return t.ledger(start, end, s.interval)
}

// told forgets what was needed for an outermost span that ended at end.
func (s *store) told(g goroutine, end uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.timelines[g]
	if !ok {
		return
	}
	if t.seen <= end {
		s.drop(g, t)
		return
	}
	s.runs -= t.forget(end)
}

// expire forgets what has waited too long.
func (s *store) expire(now uint64) {
	before := now - min(keep, now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for g, t := range s.timelines {
		if t.seen < before {
			s.drop(g, t)
		} else {
			s.runs -= t.forget(before)
		}
	}
}

// forget drops all of a process.
func (s *store) forget(pid uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g, t := range s.timelines {
		if g.pid == pid {
			s.drop(g, t)
		}
	}
}

func (s *store) drop(g goroutine, t *timeline) {
	s.runs -= len(t.runs)
	delete(s.timelines, g)
}
