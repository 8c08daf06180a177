// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import "time"

// Limits bound what a dump reads and what is kept of a process.
type Limits struct {
	// Goroutines that one dump reads; ended ones, which the runtime keeps, count.
	Goroutines int
	// Groups that are kept of a process.
	Groups int
	// Frames of a stack.
	Frames int
}

// DefaultLimits read a dump in some hundred milliseconds and keep some megabytes
// of a process that comes near to them.
func DefaultLimits() Limits { return Limits{Goroutines: 1 << 18, Groups: 1 << 11, Frames: 64} }

// Loss says why goroutines are not, or not wholly, in a dump.
type Loss uint8

const (
	// Reused: the goroutine ended, and may have become another, while it was read.
	Reused Loss = iota
	// SnapshotFull: there are more than Limits.Goroutines.
	SnapshotFull
	// GroupsFull: its group would be one more than Limits.Groups.
	GroupsFull
	// StackDeep: the stack of a group ends at Limits.Frames.
	StackDeep
	// Implausible: what was there is no goroutine.
	Implausible
	numLosses = iota
)

// NumLosses is the number of losses.
const NumLosses = numLosses

// String is the name of the loss as metrics have it.
func (l Loss) String() string {
	switch l {
	case Reused:
		return "reused"
	case SnapshotFull:
		return "snapshot_full"
	case GroupsFull:
		return "groups_full"
	case StackDeep:
		return "stack_deep"
	case Implausible:
		return "implausible"
	}
	return "unknown"
}

// State is what a goroutine does: the runtime's wait reason while it waits, else
// its status.
type State uint16

const stateIsStatus State = 0x100

func stateOf(s status, reason uint8) State {
	if (s == waiting || s == leaked) && reason != 0 {
		return State(reason)
	}
	return stateIsStatus | State(s)
}

// Key is what the goroutines of a group have in common. Addresses are link-time
// ones of instructions.
type Key struct {
	// Created is the go statement.
	Created uint64
	// Top is where it waits: the innermost frame that does not wait on behalf of
	// its caller; 0 where the stack was not read, as while it runs.
	Top   uint64
	State State
}

// sighting is a goroutine in a dump.
type sighting struct {
	slot       int // in the runtime's list, where a goroutine stays until it ends
	id, parent uint64
	sequence   uint8
	key        Key
	frames     []uint64 // where the group's stack was wanted
	cut        bool     // the stack goes on
}

// member is what is kept of the goroutine of a slot from one dump to the next.
type member struct {
	id          uint64
	seen, since int64 // first dump that had it, and that had it in this wait; nanoseconds since the tracker began
	group       uint32
	sequence    uint8
}

// group is a group of a process, with what the current dump has of it.
type group struct {
	id     uint32 // never given twice
	key    Key
	frames []uint64 // of one member, innermost first
	cut    bool

	count, settled int
	oldest         member
	parent         uint64 // of the oldest
	since          int64  // of the longest wait
	history        history
	told           alarm
}

// Tracker groups the goroutines of one process and follows them from dump to
// dump. It is not safe for concurrent use.
type Tracker struct {
	limits  Limits
	began   time.Time
	now     int64
	dumps   int // that were taken whole
	groups  map[Key]*group
	members []member
	ids     uint32
	live    int
	losses  [numLosses]uint64
}

// NewTracker follows a process from now on.
func NewTracker(limits Limits, now time.Time) *Tracker {
	return &Tracker{limits: limits, began: now, groups: make(map[Key]*group)}
}

// begin starts a dump. One that was not ended is forgotten.
func (t *Tracker) begin(now time.Time) {
	t.now = int64(now.Sub(t.began))
	t.live = 0
	for _, g := range t.groups {
		g.count, g.settled, g.parent, g.oldest, g.since = 0, 0, 0, member{}, 0
	}
}

// knows says whether a group has a stack, so that none is wanted.
func (t *Tracker) knows(k Key) bool {
	g, ok := t.groups[k]
	return ok && (len(g.frames) > 0 || k.Top == 0)
}

// lose counts goroutines that are not, or not wholly, in the dump.
func (t *Tracker) lose(why Loss, n uint64) { t.losses[why] += n }

// add puts a goroutine into its group.
func (t *Tracker) add(s sighting) {
	t.live++
	g, ok := t.groups[s.key]
	if !ok {
		if len(t.groups) >= t.limits.Groups {
			t.lose(GroupsFull, 1)
			return
		}
		t.ids++
		g = &group{id: t.ids, key: s.key}
		t.groups[s.key] = g
	}
	if len(g.frames) == 0 && len(s.frames) > 0 {
		g.frames, g.cut = append([]uint64(nil), s.frames...), s.cut
	}
	m := t.meet(s, g.id)
	g.count++
	if m.seen < t.now {
		g.settled++
	}
	if g.count == 1 || m.seen < g.oldest.seen || m.seen == g.oldest.seen && m.id < g.oldest.id {
		g.oldest, g.parent = m, s.parent
	}
	if g.count == 1 || m.since < g.since {
		g.since = m.since
	}
}

// meet compares a goroutine with what its slot had in the last dump.
func (t *Tracker) meet(s sighting, groupID uint32) member {
	for s.slot >= len(t.members) {
		t.members = append(t.members, member{})
	}
	known := &t.members[s.slot]
	switch {
	case known.id != s.id:
		*known = member{id: s.id, seen: t.now, since: t.now}
	case known.group != groupID || known.sequence != s.sequence:
		known.since = t.now
	}
	known.group, known.sequence = groupID, s.sequence
	return *known
}

// end completes a dump: groups that it does not have are no more.
func (t *Tracker) end() {
	for key, g := range t.groups {
		if g.count == 0 {
			delete(t.groups, key)
			continue
		}
		if t.dumps > 0 { // before, no goroutine could be known from an earlier one
			g.history.add(sample{at: t.now, settled: g.settled})
		}
	}
	t.dumps++
}

// Live is the number of goroutines in the last dump, those in no group included.
func (t *Tracker) Live() int { return t.live }

// TakeLosses returns what was lost since it was last called.
func (t *Tracker) TakeLosses() [NumLosses]uint64 {
	losses := t.losses
	t.losses = [numLosses]uint64{}
	return losses
}
