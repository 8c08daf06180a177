// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

// report hands the slots of a batch, the first of which is element first of the
// list, to the tracker.
func (r *Reader) report(first int, batch []slot, into *Tracker) error {
	for i := range batch {
		s := &batch[i]
		switch s.outcome {
		case absent:
		case lost:
			into.lose(Reused, 1)
		case invalid:
			into.lose(Implausible, 1)
		case present, ran:
			if s.cut {
				into.lose(StackDeep, 1)
			}
			key := r.key(s)
			if !into.knows(key) {
				if _, err := r.place(key.Created); err != nil {
					return err
				}
			}
			into.add(sighting{
				slot: first + i, id: s.g.id, parent: s.g.parent, sequence: s.g.sequence,
				key: key, frames: s.frames, cut: s.cut,
			})
		}
	}
	return nil
}

// key is that of the slot's group, as far as its stack is known.
func (r *Reader) key(s *slot) Key {
	created := s.g.created
	if created != 0 {
		created -= r.target.Bias + 1
	}
	if s.outcome == ran {
		return Key{Created: created, State: stateOf(running, 0)}
	}
	return Key{Created: created, Top: s.top, State: stateOf(s.g.status, s.g.reason)}
}
