// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package governor

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// Probed is a process whose probes can be taken off; *probe.Attachment is one.
type Probed interface {
	// Hits since the process was attached.
	Hits() (probe.Hits, error)
	// SetTier returns how many open spans are lost by it.
	SetTier(probe.Tier) (lost int, err error)
}

// Budget bounds what probes may cost.
type Budget struct {
	// Process is the share of a process's own CPU time that its probes may cost.
	Process float64
	// Least is what the probes of a process may cost in any case, in cores.
	Least float64
	// Node is how many cores the probes of all processes may cost together.
	Node float64
}

// Observer is told what the governor does.
type Observer interface {
	// Switched tells of a process that has another tier now, and how many open
	// spans and requests it lost by that.
	Switched(tier probe.Tier, lost int)
	// Failed tells of probes that could not be attached or detached, or of a
	// process that could not be measured.
	Failed(pid int, err error)
}

// State is what the governor knows of all processes together.
type State struct {
	// Processes by tier.
	Processes [probe.NumTiers]int
	// Spans and Scheduler are what the probes of these tiers have cost all
	// processes so far, Kernel what the kernel's tracepoints have, and CPU what the
	// processes used for themselves.
	Spans, Scheduler, Kernel, CPU time.Duration
}

// Governor looks at each process some times a second and sets its tier. It is
// safe for concurrent use.
type Governor struct {
	budget   Budget
	hit      time.Duration // what a hit costs beside its program's time
	observer Observer
	cpu      func(pid int) (time.Duration, error)

	added chan struct{} // has one when a process may be due sooner than was known

	mu        sync.Mutex
	processes map[int]*governed
	state     State
	node      node
}

type governed struct {
	pid     int
	probed  Probed
	account account
	hits    probe.Hits
	cpu     time.Duration
	last    time.Time
	due     time.Time
}

// New makes a governor. A hit is what one hit of a probe costs on this machine, beside
// the time that its program runs.
func New(budget Budget, hit time.Duration, observer Observer) *Governor {
	return &Governor{
		budget: budget, hit: hit, observer: observer, cpu: clock.CPUTime,
		added: make(chan struct{}, 1), processes: make(map[int]*governed), node: node{budget: budget.Node, scale: 1},
	}
}

// Add governs a process from now on. It has all its probes, and keeps those of a
// tier whatever they cost.
func (g *Governor) Add(pid int, probed Probed, least probe.Tier) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	p := &governed{pid: pid, probed: probed, last: now, due: now.Add(shortestLook)}
	p.account.tier, p.account.least = probe.TierScheduler, least
	if err := p.begin(g.cpu); err != nil {
		g.fail(pid, err)
		return
	}
	g.processes[pid] = p
	select {
	case g.added <- struct{}{}:
	default: // it will be seen
	}
}

// begin notes from where usage counts.
func (p *governed) begin(cpu func(int) (time.Duration, error)) (err error) {
	if p.hits, err = p.probed.Hits(); err != nil {
		return err
	}
	p.cpu, err = cpu(p.pid)
	return err
}

// Remove ends the governing of a process.
func (g *Governor) Remove(pid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.processes, pid)
}

// State of all processes that are governed now.
func (g *Governor) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	state := g.state
	for _, p := range g.processes {
		state.Processes[p.account.tier]++
	}
	return state
}

// Run governs until ctx is done.
func (g *Governor) Run(ctx context.Context) error {
	wait := g.next(time.Now()) // of those that were governed before, too
	wake, timer := time.Now().Add(wait), time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.added:
			wait = min(shortestLook, time.Until(wake))
		case now := <-timer.C:
			for _, p := range g.due(now) {
				g.look(p, now)
			}
			wait = g.next(time.Now())
		}
		wake = time.Now().Add(wait)
		timer.Reset(wait)
	}
}

// next is how long nobody need be looked at. It is never less than the shortest
// time between two looks: those of many processes are taken together.
func (g *Governor) next(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := longestLook
	for _, p := range g.processes {
		wait = min(wait, p.due.Sub(now))
	}
	return max(wait, shortestLook)
}

func (g *Governor) due(now time.Time) []*governed {
	g.mu.Lock()
	defer g.mu.Unlock()
	var due []*governed
	for _, p := range g.processes {
		if !now.Before(p.due) {
			due = append(due, p)
		}
	}
	return due
}

// look books what a process used, and sets the tier that it can pay for.
func (g *Governor) look(p *governed, now time.Time) {
	used, err := p.use(g.cpu, g.hit, now)
	if err != nil {
		p.due = now.Add(longestLook)
		g.fail(p.pid, err)
		return
	}
	terms := g.terms(used, now)
	g.mu.Lock()
	had, tier := p.account.tier, p.account.book(used, terms)
	p.account.take(tier)
	g.mu.Unlock()
	if tier != had {
		// Not under the lock: it waits for the kernel.
		lost, err := p.probed.SetTier(tier)
		if err != nil {
			g.fail(p.pid, err)
		}
		switch {
		case errors.Is(err, probe.ErrDetached): // Remove will come
		case err != nil && tier > had:
			g.mu.Lock()
			p.account.take(had) // and it is tried again
			g.mu.Unlock()
		default:
			g.observer.Switched(tier, lost)
		}
	}
	p.due = now.Add(p.account.nextLook(terms))
}

// tracepoint is what a tracepoint costs beside its program: the way that the kernel takes
// for system calls that are traced. It was seen in profiles of a server (MEASURED.md).
const tracepoint = 150 * time.Nanosecond

// cost is that of the time that programs ran, and of the way to each run.
func cost(r probe.Runs, way time.Duration) time.Duration {
	return r.Time + time.Duration(r.Count)*way
}

// use is what happened since the last look.
func (p *governed) use(cpu func(int) (time.Duration, error), hit time.Duration, now time.Time) (usage, error) {
	hits, err := p.probed.Hits()
	if err != nil {
		return usage{}, err
	}
	total, err := cpu(p.pid)
	if err != nil {
		return usage{}, err
	}
	since := hits.Minus(p.hits)
	used := usage{
		elapsed:   now.Sub(p.last),
		cpu:       max(total-p.cpu, 0),
		spans:     cost(since.Spans, hit),
		scheduler: cost(since.Scheduler, hit),
		kernel:    cost(since.Kernel, tracepoint),
	}
	p.hits, p.cpu, p.last = hits, total, now
	return used, nil
}

// terms are those of a process now: it earns less where the probes of all processes
// together exceed the node's budget. It adds the usage to the state.
func (g *Governor) terms(u usage, now time.Time) terms {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.Spans += u.spans
	g.state.Scheduler += u.scheduler
	g.state.Kernel += u.kernel
	g.state.CPU += u.own()
	scale := g.node.add(u.spans+u.scheduler, now)
	return terms{share: g.budget.Process * scale, least: g.budget.Least * scale}
}

// fail tells of an error, unless the process has only ended.
func (g *Governor) fail(pid int, err error) {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) || errors.Is(err, probe.ErrDetached) {
		return // Remove will come
	}
	g.observer.Failed(pid, err)
}
