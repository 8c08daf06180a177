// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package attach

import (
	"sync"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// grace is how long a process is remembered after its end: its last records may
// still wait in the ring buffer.
const grace = 5 * time.Second

// Table knows which process a record is about. It is safe for concurrent use.
type Table struct {
	mu        sync.RWMutex
	processes map[int]attached
	ended     []ended // oldest first
}

type attached struct {
	process *discover.Process
	plan    *plan.Plan
}

type ended struct {
	process *discover.Process
	at      time.Time
}

func newTable() *Table { return &Table{processes: make(map[int]attached)} }

// Process is the one with that ID that runs now, or that ended last.
func (t *Table) Process(pid int) (*discover.Process, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p, ok := t.processes[pid]
	return p.process, ok
}

// SDKLayout is where the SDK of such a process keeps its spans, nil where they are
// not told.
func (t *Table) SDKLayout(pid int) *plan.SDKLayout {
	t.mu.RLock()
	defer t.mu.RUnlock()
	p, ok := t.processes[pid]
	if !ok || !p.plan.Has(plan.SDKSpanEnded) {
		return nil
	}
	return &p.plan.SDK
}

func (t *Table) add(p *discover.Process, planned *plan.Plan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes[p.PID] = attached{p, planned}
}

func (t *Table) end(p *discover.Process, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = append(t.ended, ended{p, now})
}

// Expire forgets the processes that ended long before now and returns them.
func (t *Table) Expire(now time.Time) []*discover.Process {
	t.mu.Lock()
	defer t.mu.Unlock()
	var expired []*discover.Process
	for len(t.ended) > 0 && now.Sub(t.ended[0].at) >= grace {
		p := t.ended[0].process
		t.ended = t.ended[1:]
		if t.processes[p.PID].process == p {
			delete(t.processes, p.PID)
		}
		expired = append(expired, p)
	}
	return expired
}
