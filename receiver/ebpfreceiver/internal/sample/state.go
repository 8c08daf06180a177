// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"encoding/binary"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// The states of a goroutine (src/runtime/runtime2.go), which have kept their
// numbers since Go 1.14.
const (
	statusRunnable  = 1
	statusRunning   = 2
	statusSyscall   = 3
	statusWaiting   = 4
	statusCopyStack = 8
	statusPreempted = 9
	// statusScan is set while the collector scans its stack.
	statusScan = 0x1000
)

// window is the part of a runtime.g that is read: all that a state consists of.
type window struct {
	first, size uint16
	offsets     plan.Offsets
}

// windowOf is the smallest that holds the fields.
func windowOf(o plan.Offsets) window {
	w := window{first: min(o.Status, o.GoroutineID, o.WaitReason, o.SchedSP), offsets: o}
	end := max(o.Status+4, o.GoroutineID+8, o.WaitReason+1, o.SchedSP+8)
	if o.SchedBP != plan.Unknown {
		w.first, end = min(w.first, o.SchedBP), max(end, o.SchedBP+8)
	}
	w.size = end - w.first
	return w
}

// state is a goroutine's, as its runtime.g tells it.
type state struct {
	id     uint64
	status uint32
	reason uint8
	sp, bp uint64 // where it was parked; bp is 0 where unknown
}

// decode reads a window's bytes.
func (w window) decode(raw []byte) state {
	o := w.offsets
	s := state{
		id:     binary.LittleEndian.Uint64(raw[o.GoroutineID-w.first:]),
		status: binary.LittleEndian.Uint32(raw[o.Status-w.first:]) &^ statusScan,
		reason: raw[o.WaitReason-w.first],
		sp:     binary.LittleEndian.Uint64(raw[o.SchedSP-w.first:]),
	}
	if o.SchedBP != plan.Unknown {
		s.bp = binary.LittleEndian.Uint64(raw[o.SchedBP-w.first:])
	}
	return s
}

// cause is why the goroutine's time passes. It is false for one that is about to
// begin or has ended. A wait may be for something that only its stack tells.
func (s state) cause(p *plan.Plan, syscall ledger.Cause) (cause ledger.Cause, parked, ok bool) {
	switch s.status {
	case statusRunnable, statusPreempted:
		return ledger.Runnable, false, true
	case statusRunning, statusCopyStack:
		return ledger.OnCPU, false, true
	case statusSyscall:
		return syscall, false, true
	case statusWaiting:
		cause, executes := p.WaitCause(s.reason)
		return cause, !executes && s.bp != 0, true
	default:
		return 0, false, false
	}
}

// suspect is what a wait may be for besides its cause, and the code by whose
// frames on the stack it is: as goroutine_waits in bpf/scheduler decides.
func suspect(p *plan.Plan, cause ledger.Cause) (becomes ledger.Cause, code []plan.Range) {
	switch cause {
	case ledger.BlockedSelect, ledger.BlockedChannel:
		return ledger.BlockedNetwork, p.Network
	case ledger.BlockedSync:
		return ledger.GCAssist, p.Collector
	default:
		return cause, nil
	}
}
