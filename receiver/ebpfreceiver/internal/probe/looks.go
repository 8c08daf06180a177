// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Looks tells when to look at the goroutines that are in a span: every period, as
// long as there are any. Interrupt is safe for concurrent use, the rest is for one
// goroutine at a time.
type Looks struct {
	program *ebpf.Program
	period  time.Duration
	ring    *ring
	clock   int // the event of a CPU's clock, -1 while it is off
}

// Looks is off until Enable. There can be one.
func (p *Programs) Looks(period time.Duration) (*Looks, error) {
	ring, err := openRing(p.looks.Looks, "ring buffer of looks")
	if err != nil {
		return nil, err
	}
	return &Looks{program: p.looks.LookDue, period: period, ring: ring, clock: -1}, nil
}

// Enable switches it on or off. It is on where it is on already.
func (l *Looks) Enable(on bool) error {
	if on == (l.clock >= 0) {
		return nil
	}
	if !on {
		err := unix.Close(l.clock)
		l.clock = -1
		return err
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("counting the CPUs: %w", err)
	}
	for cpu := range cpus {
		l.clock, err = cpuClock(l.program, cpu, l.period, 0)
		if !errors.Is(err, unix.ENODEV) { // which is offline
			break
		}
	}
	if err != nil {
		return explain(fmt.Errorf("having a CPU's clock tell when to look: %w", err))
	}
	return nil
}

// Next waits until it is time to look, and returns when that was, in ns of
// CLOCK_MONOTONIC. It is false where it was not for so long, or Interrupt was
// called.
func (l *Looks) Next(wait time.Duration) (at uint64, ok bool, err error) {
	if err := l.ring.wait(time.Now().Add(wait), 1); err != nil {
		return 0, false, fmt.Errorf("waiting until it is time to look: %w", err)
	}
	for { // of several that were missed, the last
		raw, err := l.ring.next()
		if err != nil {
			return 0, false, fmt.Errorf("reading when to look: %w", err)
		}
		if raw == nil {
			return at, ok, nil
		}
		at, ok = binary.NativeEndian.Uint64(raw), true
	}
}

// Interrupt ends a Next that waits, or the one to come.
func (l *Looks) Interrupt() { l.ring.interrupt() }

// Close switches it off.
func (l *Looks) Close() error { return errors.Join(l.Enable(false), l.ring.Close()) }

// placesCleared is PLACES_CLEARED of bpf/headers/in_span.h.
const placesCleared = 2

// countCleared counts a place that no program gives back.
func (p *Programs) countCleared() error {
	p.clearing.Lock()
	defer p.clearing.Unlock()
	var n uint64
	key := uint32(placesCleared)
	if err := p.spans.PlaceCounts.Lookup(key, &n); err != nil {
		return err
	}
	return p.spans.PlaceCounts.Put(key, n+1)
}
