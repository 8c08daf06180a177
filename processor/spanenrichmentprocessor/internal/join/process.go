// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import "slices"

// service is what is known of the processes that share a service.name.
type service struct {
	name    string
	aliases []string // names that SDKs in its processes give to it
	members map[int64][]*process
	records int // of all members, in the store
	ledgers int // those of them that are ledgers
}

// process is a process that the receiver observes. It stays known while a
// record of it, or a span that it may explain, is in the store.
type process struct {
	id      Process
	service *service
	records int
	lists   [numFacts]facts
	gone    departed // its spans that have left and are remembered
	retired bool
}

// facts returns the process's list of the kind.
func (p *process) facts(kind Kind) *facts { return &p.lists[kind-firstFact] }

func (s *Store) gain(p *process, r *record) {
	p.records++
	p.service.records++
	if r.kind == KindLedger {
		p.service.ledgers++
	}
	if p.records == 1 {
		s.generation++
	}
}

func (s *Store) lose(p *process, r *record) {
	p.records--
	p.service.records--
	if r.kind == KindLedger {
		p.service.ledgers--
	}
	if p.records == 0 {
		s.generation++
	}
}

// explains tells whether a span of the process that has left overlaps the
// interval, so that a fact about it comes too late.
func (p *process) explains(interval Interval) bool { return p.gone.overlap(interval) }

// service returns what is known of a service, by the receiver's name for it or
// by an SDK's. That of the empty name is no service: nothing says that two
// resources without a name are the same.
func (s *Store) service(name string) *service {
	if name == "" {
		return nil
	}
	if named := s.services[name]; named != nil {
		return named
	}
	return s.aliases[name]
}

// learn notes that a span of the name had its ledger from a process of the
// service: the SDK and the receiver may name a service differently, and spans
// are to wait for ledgers all the same.
func (s *Store) learn(name string, named *service) {
	if name == "" || name == named.name || s.service(name) != nil {
		return
	}
	bytes := aliasBytes + int64(len(name))
	if s.tally.Bytes+bytes > s.config.Bytes {
		return
	}
	s.charge(bytes)
	s.aliases[name] = named
	named.aliases = append(named.aliases, name)
	s.generation++
}

// member returns the process of a record, nil where it is not known.
func (s *Store) member(id Process) *process {
	if recent := s.recent; recent != nil && !recent.retired && recent.id == id {
		return recent
	}
	named := s.services[id.Service]
	if named == nil {
		return nil
	}
	for _, p := range named.members[id.PID] {
		if p.id.Host == id.Host {
			s.recent = p
			return p
		}
	}
	return nil
}

// process returns the process of a record, and makes it known.
func (s *Store) process(id Process) *process {
	if p := s.member(id); p != nil {
		return p
	}
	named := s.services[id.Service]
	if named == nil {
		named = &service{name: id.Service, members: map[int64][]*process{}}
		s.services[id.Service] = named
	}
	made := &process{id: id, service: named}
	named.members[id.PID] = append(named.members[id.PID], made)
	s.charge(processBytes + int64(len(id.Service)))
	s.recent = made
	s.generation++
	return made
}

// retire forgets a process that nothing in the store refers to.
func (s *Store) retire(p *process) {
	if p.records > 0 || !p.gone.empty() {
		return
	}
	p.retired = true
	s.generation++
	s.charge(-processBytes - int64(len(p.id.Service)))
	named, pid := p.service, p.id.PID
	named.members[pid] = slices.DeleteFunc(named.members[pid], func(other *process) bool { return other == p })
	if len(named.members[pid]) > 0 {
		return
	}
	delete(named.members, pid)
	if len(named.members) > 0 {
		return
	}
	delete(s.services, named.name)
	for _, name := range named.aliases {
		delete(s.aliases, name)
		s.charge(-aliasBytes - int64(len(name)))
	}
}
