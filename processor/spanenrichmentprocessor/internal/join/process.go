// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

// service is what is known of the processes that share a service.name.
type service struct {
	name    string
	aliases []string // names that SDKs in its processes give to it
	members map[int64]*process
	records int // of all members, in the store
	ledgers int // those of them that are ledgers
}

// process is a process that the receiver observes. It stays known while a
// record of it, or a span that it may explain, is in the store.
type process struct {
	id      Process
	service *service
	records int
	cycles  facts
	stops   facts
	gone    departed // its spans that have left and are remembered
}

// facts are what holds for the whole process: collections, or stops of the world.
type facts struct {
	timeline
	longest int64 // no fact since the list was last empty was longer
}

func (f *facts) add(r *record) {
	if len(f.records) == 0 {
		f.longest = 0
	}
	f.longest = max(f.longest, r.interval.End-r.interval.Start)
	f.insert(r)
}

// overlapping calls visit for each fact that overlaps the interval.
func (f *facts) overlapping(interval Interval, visit func(r *record, overlap int64)) {
	for _, r := range f.records[f.from(interval.Start):] {
		if r.interval.End-f.longest >= interval.End {
			return // neither this one nor a later one can have begun before
		}
		if overlap := interval.Overlap(r.interval); overlap > 0 {
			visit(r, overlap)
		}
	}
}

// facts returns the process's list of the kind.
func (p *process) facts(kind Kind) *facts {
	if kind == KindCycle {
		return &p.cycles
	}
	return &p.stops
}

func (p *process) gain(r *record) {
	p.records++
	p.service.records++
	if r.kind == KindLedger {
		p.service.ledgers++
	}
}

func (p *process) lose(r *record) {
	p.records--
	p.service.records--
	if r.kind == KindLedger {
		p.service.ledgers--
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
	bytes := aliasBytes + int64(len(name))
	if name == "" || name == named.name || s.service(name) != nil || s.tally.Bytes+bytes > s.config.Bytes {
		return
	}
	s.charge(bytes)
	s.aliases[name] = named
	named.aliases = append(named.aliases, name)
}

// process returns the process of a record, and makes it known.
func (s *Store) process(id Process) *process {
	named := s.services[id.Service]
	if named == nil {
		named = &service{name: id.Service, members: map[int64]*process{}}
		s.services[id.Service] = named
	}
	found := named.members[id.PID]
	if found == nil {
		found = &process{id: id, service: named}
		named.members[id.PID] = found
		s.charge(processBytes + int64(len(id.Service)))
	}
	return found
}

// resolve finds the process that a span's resource names: by service and PID,
// or by the service alone where just one process of it has records. It returns
// nil where there is none, or no telling which.
func (s *Store) resolve(id Process) *process {
	named := s.service(id.Service)
	if named == nil {
		return nil
	}
	if id.PID != 0 {
		return named.members[id.PID]
	}
	var only *process
	for _, member := range named.members {
		if member.records == 0 {
			continue
		}
		if only != nil {
			return nil
		}
		only = member
	}
	return only
}

// retire forgets a process that nothing in the store refers to.
func (s *Store) retire(p *process) {
	if p.records > 0 || !p.gone.empty() {
		return
	}
	s.charge(-processBytes - int64(len(p.id.Service)))
	delete(p.service.members, p.id.PID)
	if len(p.service.members) > 0 {
		return
	}
	delete(s.services, p.id.Service)
	for _, name := range p.service.aliases {
		delete(s.aliases, name)
		s.charge(-aliasBytes - int64(len(name)))
	}
}
