// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package tally makes metrics and events of what the BPF programs count of each
// process: its requests to block devices, the waits of its threads for them, and the
// signals that are delivered to it.
package tally

import (
	"cmp"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Reading is what was counted of a process since it was attached. The zero value is
// that nothing was.
type Reading struct {
	Requests map[Disk]Sum
	// Waits of threads for any device.
	Waits   Sum
	Signals map[Signal]uint64
}

// Disk is a block device in one direction.
type Disk struct {
	Device string
	Write  bool
}

// Sum of requests, or of waits, which have no bytes.
type Sum struct {
	Count, Bytes uint64
	// Time from when each was made until it was over, added up.
	Time time.Duration
}

// Signal by number. Preempts: the Go runtime's, to preempt a goroutine.
type Signal struct {
	Number   syscall.Signal
	Preempts bool
}

// Storm is many signals of one number between two readings.
type Storm struct {
	Name       string
	Start, End time.Time
	// Count of them, Preemptions among them.
	Count, Preemptions uint64
}

// Process is what is known of one process. It is not safe for concurrent use.
type Process struct {
	start, read time.Time
	last        Reading
}

// NewProcess begins with nothing.
func NewProcess(now time.Time) *Process { return &Process{start: now, read: now} }

// Add takes a reading. It returns the signals of which at least so many were
// delivered since the one before, by name; least is 0 where none are wanted.
func (p *Process) Add(r Reading, least uint64, now time.Time) []Storm {
	before, since := p.last, p.read
	p.last, p.read = r, now
	if least == 0 {
		return nil
	}
	type delta struct{ count, preemptions uint64 }
	deltas := map[syscall.Signal]delta{}
	for signal, n := range r.Signals {
		d := deltas[signal.Number]
		added := n - min(n, before.Signals[signal])
		d.count += added
		if signal.Preempts {
			d.preemptions += added
		}
		deltas[signal.Number] = d
	}
	var storms []Storm
	for number, d := range deltas {
		if d.count >= least {
			storms = append(storms, Storm{signalName(number), since, now, d.count, d.preemptions})
		}
	}
	slices.SortFunc(storms, func(a, b Storm) int { return cmp.Compare(a.Name, b.Name) })
	return storms
}

// signalName is such as SIGURG; those that have no name have a number.
func signalName(number syscall.Signal) string {
	if name := unix.SignalName(number); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(number))
}
