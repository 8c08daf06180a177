// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import "time"

const (
	// youngFor is how long after its start a process's executable is looked at
	// in each scan: shells and container entry points exec soon.
	youngFor = time.Minute
	// rotation spreads the look at an older process over this many scans.
	rotation = 16
)

// known is a process that was seen in a listing.
type known struct {
	inode uint64
	// seen is the number of the last scan that listed it.
	seen uint64
	examination
	started time.Time
	// ended: it is listed as a zombie, or until the next scan.
	ended bool
}

// scanner compares successive listings of a proc tree. It is not safe for
// concurrent use.
type scanner struct {
	examiner *examiner
	counts   *counts
	emit     func(Event)
	now      func() time.Time

	known  map[int]*known
	number uint64
	listed []listed
}

// scan takes one listing, and emits what started and what stopped since the last.
func (s *scanner) scan() error {
	var err error
	if s.listed, err = s.examiner.proc.list(s.listed[:0]); err != nil {
		return err
	}
	s.number++
	s.examiner.listeners.forget()
	for _, process := range s.listed {
		s.visit(process)
	}
	for pid, k := range s.known {
		if k.seen != s.number {
			s.end(k)
			delete(s.known, pid)
		}
	}
	return nil
}

// visit handles one process of a listing.
func (s *scanner) visit(process listed) {
	k := s.known[process.pid]
	if k == nil {
		s.meet(process)
		return
	}
	k.seen = s.number
	switch {
	case k.inode != process.inode:
		s.revisit(k, process)
	case k.ended || k.outcome == KernelThread || k.outcome == Self:
	case !s.due(k, process.pid):
	case k.awaited:
		s.lookAgain(k, process)
	case k.process != nil:
		s.checkWatched(k, process)
	case k.outcome == Unreadable: // this process may have been out of descriptors
		s.meet(process)
	default:
		s.checkOther(k, process)
	}
}

// meet examines a process and keeps what it found.
func (s *scanner) meet(process listed) {
	s.keep(process, s.examiner.examine(process.pid))
}

// lookAgain examines a process that may listen by now. That it does not is no
// news: it was counted when it was met.
func (s *scanner) lookAgain(k *known, process listed) {
	x := s.examiner.examine(process.pid)
	switch {
	case x.outcome == Unselected && k.outcome == Unselected:
		k.examination = x
	case x.outcome == Watched && x.sameTarget(k.examination):
		k.awaited = x.awaited
	case k.process != nil && (x.outcome == Unreadable || x.outcome == Permission):
		// That it cannot be read now does not say that it is another program.
	default:
		s.end(k)
		s.keep(process, x)
	}
}

// sameTarget tells whether two examinations found one program of one target.
func (x examination) sameTarget(other examination) bool {
	return other.process != nil && x.process.TargetIndex == other.process.TargetIndex &&
		x.stat.sameProgram(other.stat) && x.image.key == other.image.key
}

// keep notes what an examination found.
func (s *scanner) keep(process listed, x examination) {
	s.counts.add(x.outcome)
	if x.outcome == Vanished && !x.stat.ended() {
		delete(s.known, process.pid) // if it is still there, the next scan begins anew
		return
	}
	s.known[process.pid] = &known{
		inode:       process.inode,
		seen:        s.number,
		examination: x,
		started:     x.stat.startTime(s.examiner.boot),
		ended:       x.outcome == Vanished,
	}
	if x.process != nil {
		s.emit(Event{Kind: Started, Process: x.process})
	}
}

// revisit handles a new inode under a known PID: mostly another process, but
// the kernel may also have dropped the old inode from its cache.
func (s *scanner) revisit(k *known, process listed) {
	now, err := s.examiner.proc.stat(process.pid)
	if err == nil && now.sameProgram(k.stat) {
		k.inode = process.inode
		return
	}
	s.replace(k, process)
}

// checkWatched notices that a watched process has ended or executed. An exec
// of the same file shows in the address of the stack only.
func (s *scanner) checkWatched(k *known, process listed) {
	now, err := s.examiner.proc.stat(process.pid)
	switch {
	case err != nil && outcomeOf(err) == Vanished, err == nil && now.ended():
		s.end(k)
		k.ended = true
	case err == nil && !now.sameProgram(k.stat):
		s.replace(k, process)
	default:
		s.checkOther(k, process)
	}
}

// checkOther notices an exec by the executable's path. The path of a running
// executable also changes when its file is deleted, replaced or renamed: only
// another file tells that the process executed.
func (s *scanner) checkOther(k *known, process listed) {
	link, err := s.examiner.proc.executable(process.pid)
	if err != nil || link == k.link {
		return
	}
	device, inode, err := s.examiner.proc.file(process.pid)
	if err != nil {
		return
	}
	if k.process != nil && k.image.key.device == device && k.image.key.inode == inode {
		k.link = link
		return
	}
	s.replace(k, process)
}

// replace ends what ran under a PID and examines what runs there now.
func (s *scanner) replace(k *known, process listed) {
	s.end(k)
	s.meet(process)
}

// end emits the end of a process that was watched, once.
func (s *scanner) end(k *known) {
	if k.process == nil || k.ended {
		return
	}
	k.ended = true
	s.emit(Event{Kind: Stopped, Process: k.process})
}

// stopped handles the end of a process as its pidfd told.
func (s *scanner) stopped(p *Process) {
	if k := s.known[p.PID]; k != nil && k.process == p {
		s.end(k)
	}
}

// due tells whether to look at a process again: for an exec, mostly.
func (s *scanner) due(k *known, pid int) bool {
	return s.now().Sub(k.started) < youngFor || (uint64(pid)+s.number)%rotation == 0
}
