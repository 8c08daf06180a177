// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// Process is one whose goroutines are looked at.
type Process struct {
	PID  int
	Plan *plan.Plan
	// Bias is what is added to a linked address to get that in the process.
	Bias uint64
	// Exact reports whether its ledgers are exact now, so that there is no need
	// to look. It must not wait.
	Exact func() bool
}

// target is a process and what a look at it needs. Its slices are reused.
type target struct {
	Process
	memory *procmem.Process
	window window
	walker walker
	parked map[uint64]parked // by address of the runtime.g

	residents []probe.Resident
	raw       []byte
	ranges    []procmem.Range
	samples   []sample
	walks     []walk
	failed    bool // that its memory cannot be read was told
}

func newTarget(p Process) (*target, error) {
	memory, err := procmem.Open(p.PID)
	if err != nil {
		return nil, err
	}
	return &target{
		Process: p, memory: memory, window: windowOf(p.Plan.Offsets),
		walker: walker{memory: memory, bias: p.Bias}, parked: make(map[uint64]parked),
	}, nil
}

// look reads the states of the residents. The samples are valid until the next
// look.
func (t *target) look(poll uint64) ([]sample, error) {
	t.samples, t.walks = t.samples[:0], t.walks[:0]
	if err := t.read(); err != nil {
		return nil, err
	}
	size := int(t.window.size)
	for i, resident := range t.residents {
		s := t.window.decode(t.raw[i*size : (i+1)*size])
		if s.id != resident.GoroutineID {
			continue // it has ended meanwhile
		}
		cause, onStack, ok := s.cause(t.Plan, resident.Syscall)
		if !ok {
			continue
		}
		if onStack {
			cause = t.wait(resident.Address, s, cause, poll)
		}
		t.samples = append(t.samples, sample{
			goroutine: goroutine{id: s.id, pid: resident.PID}, stay: resident.Start, cause: cause,
		})
	}
	t.walker.run(t.walks, t.samples)
	for _, one := range t.walks {
		t.parked[one.address] = parked{state: one.state, cause: t.samples[one.sample].cause, poll: poll}
	}
	return t.samples, nil
}

// read fills raw with the window of each resident's runtime.g.
func (t *target) read() error {
	size := int(t.window.size)
	if need := size * len(t.residents); len(t.raw) < need {
		t.raw = make([]byte, need)
	}
	t.ranges = t.ranges[:0]
	for i, resident := range t.residents {
		t.ranges = append(t.ranges, procmem.Range{
			Address: resident.Address + uint64(t.window.first), Buffer: t.raw[i*size : (i+1)*size],
		})
	}
	return t.memory.ReadRanges(t.ranges)
}

// wait is the cause of a wait that may be for something else: known where the
// goroutine has not moved, else to be found out for the sample that comes next.
func (t *target) wait(address uint64, s state, cause ledger.Cause, poll uint64) ledger.Cause {
	becomes, code := suspect(t.Plan, cause)
	if len(code) == 0 {
		return cause
	}
	if known, ok := t.parked[address]; ok && known.state == s {
		known.poll = poll
		t.parked[address] = known
		return known.cause
	}
	t.walks = append(t.walks, walk{
		sample: len(t.samples), address: address, state: s, becomes: becomes, code: code, frame: s.bp,
	})
	return cause
}

// expire forgets waits that nobody asked for since a poll.
func (t *target) expire(since uint64) {
	for address, known := range t.parked {
		if known.poll < since {
			delete(t.parked, address)
		}
	}
}
