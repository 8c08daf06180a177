// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// The parts of a ledger that are judged other than as a cause of their own.
const (
	// PartSyscalls are syscall.file and syscall.network together.
	PartSyscalls = "syscall.file+network"
	// PartExecuting is the sum of all causes in which the tracer sees the
	// goroutine on a P or in a system call: on_cpu, os_runqueue, all system
	// calls and gc_assist.
	PartExecuting = "executing"
)

// Difference is one part of an observed ledger held against the reference.
type Difference struct {
	// Part is a cause's name, PartSyscalls or PartExecuting.
	Part string
	// Reference and Observed are the part's time in the two ledgers.
	Reference, Observed time.Duration
	// Off is how far Observed lies outside of what the reference allows: never
	// negative, zero where it lies inside.
	Off time.Duration
	// Within is true where Off is within the tolerance.
	Within bool
}

// Tolerance is how far a part may be off.
type Tolerance struct {
	// Share of the span's duration, 0 to 1, or Least, whichever is larger.
	Share float64
	Least time.Duration
}

// Exact is the tolerance for ledgers of which every change of state was seen.
func Exact() Tolerance { return Tolerance{Share: 0.02, Least: 200 * time.Microsecond} }

// Sampled is the tolerance for ledgers that come from looking at goroutines, for
// spans of SampledFrom and more.
func Sampled() Tolerance { return Tolerance{Share: 0.10} }

// SampledFrom is the shortest duration of a span whose sampled ledger is judged.
const SampledFrom = 20 * time.Millisecond

// Of a span of the given duration.
func (t Tolerance) Of(duration time.Duration) time.Duration {
	return max(time.Duration(t.Share*float64(duration)), t.Least)
}

// Compare judges an observed ledger of a span of the given duration, part by
// part, by the rules in the package's documentation.
func Compare(reference, observed ledger.Ledger, duration time.Duration, tolerance Tolerance) []Difference {
	within := tolerance.Of(duration)
	differences := make([]Difference, 0, ledger.NumCauses)
	add := func(part string, reference, observed, off time.Duration) {
		differences = append(differences, Difference{part, reference, observed, off, off <= within})
	}
	queued := sum(observed, ledger.OSRunqueue)

	r, o := sum(reference, ledger.OnCPU), sum(observed, ledger.OnCPU)
	add(ledger.OnCPU.String(), r, o, outside(o, 0, r))
	r = sum(reference, ledger.SyscallFile, ledger.SyscallNetwork, ledger.SyscallOther)
	o = sum(observed, ledger.SyscallFile, ledger.SyscallNetwork)
	add(PartSyscalls, r, o, outside(o, 0, r))
	r, o = sum(reference, ledger.GCAssist), sum(observed, ledger.GCAssist)
	add(ledger.GCAssist.String(), r, o, outside(o, r-queued, r))
	r, o = sum(reference, executing()...), sum(observed, executing()...)
	add(PartExecuting, r, o, outside(o, r, r))
	for _, cause := range equal() {
		r, o := sum(reference, cause), sum(observed, cause)
		add(cause.String(), r, o, outside(o, r, r))
	}
	return differences
}

// CompareSampled judges an observed ledger that comes from looking: what a look
// cannot tell apart counts as one. The world's stops count as runnable then, and
// what executes, be it in a system call or in a mark assist, as executing.
func CompareSampled(reference, observed ledger.Ledger, duration time.Duration, tolerance Tolerance) []Difference {
	for _, l := range []*ledger.Ledger{&reference, &observed} {
		l[ledger.Runnable] += l[ledger.StopTheWorld]
		l[ledger.StopTheWorld] = 0
	}
	return Compare(reference, observed, duration, tolerance)
}

// Agrees is true where every part is within the tolerance.
func Agrees(differences []Difference) bool {
	for _, d := range differences {
		if !d.Within {
			return false
		}
	}
	return true
}

func executing() []ledger.Cause {
	return []ledger.Cause{
		ledger.OnCPU, ledger.OSRunqueue,
		ledger.SyscallFile, ledger.SyscallNetwork, ledger.SyscallOther,
		ledger.GCAssist,
	}
}

// equal are the causes that both sides see alike.
func equal() []ledger.Cause {
	return []ledger.Cause{
		ledger.Runnable,
		ledger.BlockedNetwork, ledger.BlockedChannel, ledger.BlockedSelect, ledger.BlockedMutex, ledger.BlockedSync,
		ledger.Sleep, ledger.StopTheWorld, ledger.Unattributed,
	}
}

func sum(l ledger.Ledger, causes ...ledger.Cause) time.Duration {
	var ns uint64
	for _, cause := range causes {
		ns += l[cause]
	}
	return time.Duration(ns)
}

// outside is how far x lies outside of low to high.
func outside(x, low, high time.Duration) time.Duration {
	return max(low-x, x-high, 0)
}
