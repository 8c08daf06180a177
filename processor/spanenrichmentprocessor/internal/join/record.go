// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"time"
	"unsafe"
)

// What things take in memory, in bytes. A map's slot is its key, its value and
// its control byte at the load that a growing map has on average.
const (
	mapLoad      = 2
	recordBytes  = int64(unsafe.Sizeof(record{})) + 4*8 // and its slots in a queue and a timeline
	ledgerBytes  = recordBytes + int64(unsafe.Sizeof(Ledger{}))
	fileBytes    = recordBytes + int64(unsafe.Sizeof(File{}))
	placeBytes   = int64(unsafe.Sizeof(place{})+unsafe.Sizeof(departure{})+2*unsafe.Sizeof(Interval{})) + 2*8 + mapLoad*int64(unsafe.Sizeof(SpanKey{})+9)
	traceBytes   = int64(unsafe.Sizeof(trace{})) + mapLoad*(16+9)
	processBytes = int64(unsafe.Sizeof(process{})+unsafe.Sizeof(service{})) + 512 // and the service's own map
	aliasBytes   = 16 + mapLoad*(16+9)
)

// record is a stored record of any kind.
type record struct {
	kind     Kind
	settled  bool // counted as matched or unjoined
	orphan   bool // in its trace's orphans
	bypassed bool // a span that covers it had left when it came
	arrived  time.Duration
	bytes    int64
	interval Interval
	process  *process
	place    *place // of ledgers and files; nil where no span ID is known
	ledger   *Ledger
	file     *File
	cycle    int64
	left     rank // the innermost span that it was bypassed by
}

// tellsSame tells whether two records of one place or process are duplicates.
func (r *record) tellsSame(other *record) bool {
	if r.kind != other.kind || r.interval != other.interval || r.cycle != other.cycle {
		return false
	}
	return r.file == nil || *r.file == *other.file
}

// join counts the record's first join.
func (s *Store) join(r *record, key Key) {
	if !r.settled {
		r.settled = true
		s.tally.Pending[r.kind]--
		s.tally.Matched[r.kind][key]++
	}
}

// giveUp counts that the record joined no span, and why.
func (s *Store) giveUp(r *record, reason Reason) {
	if !r.settled {
		r.settled = true
		s.tally.Pending[r.kind]--
		s.tally.Unjoined[r.kind][reason]++
	}
}

// keep stores a record whose process is known and whose bytes there is room for.
func (s *Store) keep(r *record) {
	r.arrived = s.clock
	s.records.push(r)
	s.charge(r.bytes)
	s.tally.Stored++
	s.tally.Pending[r.kind]++
	r.process.gain(r)
}

// discard removes the oldest record from the store.
func (s *Store) discard(reason Reason) {
	r := s.records.pop()
	if reason == Unmatched && r.bypassed {
		reason = Late
	}
	s.giveUp(r, reason)
	s.charge(-r.bytes)
	s.tally.Stored--
	switch r.kind {
	case KindLedger:
		r.place.ledger = nil
		s.tidy(r.place)
	case KindFile:
		s.adopt(r)
		if r.place != nil {
			r.place.files.remove(r)
			s.tidy(r.place)
		}
	case KindCycle, KindStop:
		r.process.facts(r.kind).remove(r)
	}
	r.process.lose(r)
	s.retire(r.process)
}
