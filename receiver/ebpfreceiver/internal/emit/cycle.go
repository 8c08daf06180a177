// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// Cycle is one garbage collection of a process, in nanoseconds of CLOCK_MONOTONIC.
type Cycle struct {
	Start, End uint64
	// Stopped is for how long its two stops of the world lasted.
	Stopped uint64
	// Number counts the process's cycles from 1; 0 where unknown.
	Number uint32
}

// Cycles puts the cycles together from the stops that frame them: sweep
// termination begins one, mark termination ends it unless it finds more to mark.
type Cycles struct{ open map[*discover.Process]Cycle }

// NewCycles knows of no cycle yet.
func NewCycles() *Cycles { return &Cycles{open: make(map[*discover.Process]Cycle)} }

// Add takes a stop, and returns the cycle that it ends. A cycle whose beginning
// was not seen is none.
func (c *Cycles) Add(p *discover.Process, s *record.Stop) (Cycle, bool) {
	switch s.Reason {
	case record.StopGCSweepTermination:
		c.open[p] = Cycle{Start: s.Start, Stopped: s.End - s.Start, Number: s.GCCycle}
	case record.StopGCMarkTermination:
		cycle, ok := c.open[p]
		delete(c.open, p)
		if !ok || cycle.Number != s.GCCycle {
			break
		}
		cycle.End = s.End
		cycle.Stopped += s.End - s.Start
		if !s.Marking {
			return cycle, true
		}
		c.open[p] = cycle
	}
	return Cycle{}, false
}

// Forget drops the open cycle of a process that has ended.
func (c *Cycles) Forget(p *discover.Process) { delete(c.open, p) }
