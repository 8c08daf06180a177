// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// orphan offers an event whose span was not seen to the spans of its trace
// that will leave. A span that has left by now does not get it, and neither
// does one that it lies within: the event was bypassed.
func (s *Store) orphan(t *trace, r *record) {
	for p := range t.places.allSeen() {
		if p.open > 0 || !s.covers(p, r) {
			continue
		}
		if !r.bypassed || compareRank(p.rank(), r.left) < 0 {
			r.bypassed, r.left = true, p.rank()
		}
	}
	r.orphan = true
	t.orphans.insert(r)
	s.untake(r)
}

// adopt ends that an event is an orphan.
func (s *Store) adopt(r *record) {
	if !r.orphan {
		return
	}
	r.orphan = false
	t := s.traceOf(r)
	t.orphans.remove(r)
	s.tidyTrace(t)
}

// covers tells whether an event lies within a span of its process and, as far
// as both are known, of its goroutine.
func (s *Store) covers(p *place, r *record) bool {
	if !p.interval.Covers(r.interval) || s.processOf(p) != r.process {
		return false
	}
	goroutine := goroutineOf(p)
	return goroutine == 0 || r.event.Goroutine == 0 || goroutine == r.event.Goroutine
}

// takeOrphans gives a span that is about to leave the orphans of its trace for
// which it is the innermost span seen.
func (s *Store) takeOrphans(t *trace, p *place) {
	var taken []*record
	t.orphans.within(p.interval, func(r *record) {
		if s.covers(p, r) && !s.innerThan(t, p, r) {
			taken = append(taken, r)
		}
	})
	for _, r := range taken {
		s.adopt(r)
		s.move(r, p)
	}
}

// innerThan tells whether a span that waits, or one that left before the event
// came, covers the event and lies within p.
func (s *Store) innerThan(t *trace, p *place, r *record) bool {
	if r.bypassed && compareRank(r.left, p.rank()) < 0 {
		return true
	}
	if t.waiting == 0 {
		return false
	}
	for other := range t.places.allSeen() {
		if other.open > 0 && compareRank(other.rank(), p.rank()) < 0 && s.covers(other, r) {
			return true
		}
	}
	return false
}

// traceOf is the trace of an event in the store.
func (s *Store) traceOf(r *record) *trace {
	if r.place != nil {
		return r.place.trace
	}
	return s.traces.find(&r.event.Key.Trace)
}

// untake ends that an event is known as one that another span took.
func (s *Store) untake(r *record) {
	if !r.taken {
		return
	}
	r.taken = false
	t := s.traceOf(r)
	t.taken.remove(r)
	s.tidyTrace(t)
}

// move puts an event to the place of the span that took it.
func (s *Store) move(r *record, to *place) {
	if !r.taken {
		r.taken = true
		to.trace.taken.insert(r)
	}
	if from := r.place; from != nil {
		from.events.remove(r)
		s.tidy(from)
	}
	r.place = to
	to.events.insert(r)
}
