// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "unsafe"

// What things take in memory, in bytes. A map's slot is its key, its value and
// its control byte at the load that a growing map has on average.
const (
	mapLoad        = 2
	slotBytes      = 5 * 8 // of a record in a queue and a timeline, at the load that these have
	sizeClass      = 32    // between sizes that the allocator has, from 256 to 512 bytes (src/internal/runtime/gc/sizeclasses.go)
	factBytes      = int64(unsafe.Sizeof(record{})) + slotBytes
	ledgerBytes    = (int64(unsafe.Sizeof(ledgerRecord{}))+sizeClass-1)/sizeClass*sizeClass + slotBytes
	eventBytes     = (int64(unsafe.Sizeof(eventRecord{}))+sizeClass-1)/sizeClass*sizeClass + slotBytes + 2*8 // and among those taken
	attributeBytes = int64(unsafe.Sizeof(Attribute{}))
	placeBytes     = int64(unsafe.Sizeof(place{})+unsafe.Sizeof(departure{})+2*unsafe.Sizeof(Interval{})) + 2*8 + mapLoad*(8+9)
	traceBytes     = int64(unsafe.Sizeof(trace{})) + slotShare
	processBytes   = int64(unsafe.Sizeof(process{})+unsafe.Sizeof(service{})+unsafe.Sizeof(Origin{})) + 768 // and the service's own map, and what the origin says
	aliasBytes     = 16 + mapLoad*(16+9)
)

// size is what an event takes in the store.
func (e *Event) size() int64 {
	bytes := eventBytes + int64(len(e.Path)+len(e.Peer.Address)+len(e.Error))
	for i := range e.More {
		bytes += attributeBytes + int64(len(e.More[i].Name)+len(e.More[i].Text))
	}
	return bytes
}

// charge adds to the memory in use.
func (s *Store) charge(bytes int64) { s.tally.Bytes += bytes }

// newcomerBytes is what a record may take beside itself: the first of its span,
// its trace and its process takes most.
func newcomerBytes(id Process) int64 {
	return placeBytes + traceBytes + processBytes + int64(len(id.Service))
}

// makeRoom drops what is oldest until there is room for bytes. It reports false
// where even an empty store would have none beside the spans that are held.
func (s *Store) makeRoom(bytes int64) bool {
	for s.tally.Bytes+bytes > s.config.Bytes {
		if !s.evict() {
			return false
		}
	}
	return true
}

// evict forgets the span that left first: that only tells late records from
// unmatched ones. Where none is remembered, it drops the oldest record.
func (s *Store) evict() bool {
	s.evicted++
	switch {
	case s.departures.len() > 0:
		s.forget()
	case s.records.len() > 0:
		s.discard(Memory)
	default:
		return false
	}
	return true
}
