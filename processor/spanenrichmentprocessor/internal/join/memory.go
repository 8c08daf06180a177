// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

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
