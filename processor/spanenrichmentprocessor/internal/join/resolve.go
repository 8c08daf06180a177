// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// resolution is the answer to one resource, until the processes change.
type resolution struct {
	id         Process
	generation int64
	found      *process
}

// resolve finds the process that a span's resource names. It returns nil where
// there is none, or no telling which. Spans of one resource come together, so
// that the last answer is mostly the next one.
func (s *Store) resolve(id Process) *process {
	if s.resolved.generation != s.generation || s.resolved.id != id {
		s.resolved = resolution{id, s.generation, s.lookUp(id)}
	}
	return s.resolved.found
}

// lookUp resolves by service, PID and host. Where the resource has no PID, only
// processes that have records are asked: one that is silent may be gone.
func (s *Store) lookUp(id Process) *process {
	named := s.service(id.Service)
	if named == nil {
		return nil
	}
	c := candidates{host: id.Host}
	if id.PID != 0 {
		for _, p := range named.members[id.PID] {
			c.add(p)
		}
		return c.only()
	}
	for _, members := range named.members {
		for _, p := range members {
			if p.records > 0 {
				c.add(p)
			}
		}
	}
	return c.only()
}

// candidates are the processes that a resource may name: those of the host that
// it says, and those of which nothing says that they are of another.
type candidates struct {
	host             Host
	possible, same   *process // the last of each
	possibles, sames int
}

func (c *candidates) add(p *process) {
	if c.host.contradicts(p.id.Host) {
		return
	}
	c.possible, c.possibles = p, c.possibles+1
	if p.id.Host == c.host && c.host != (Host{}) {
		c.same, c.sames = p, c.sames+1
	}
}

// only returns the one process that is meant, nil where it may be several.
func (c *candidates) only() *process {
	switch {
	case c.possibles == 1:
		return c.possible
	case c.sames == 1:
		return c.same
	default:
		return nil
	}
}
