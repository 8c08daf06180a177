// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import "encoding/binary"

// status is that of a goroutine without the collector's scan bit
// (runtime/runtime2.go). Leaked and deadExtra are new in Go 1.26.
type status uint32

const (
	idle      status = 0
	runnable  status = 1
	running   status = 2
	syscall   status = 3
	waiting   status = 4
	dead      status = 6
	copystack status = 8
	preempted status = 9
	leaked    status = 10
	deadExtra status = 11

	scanBit = 0x1000
)

func (s status) String() string {
	switch s {
	case idle:
		return "idle"
	case runnable:
		return "runnable"
	case running:
		return "running"
	case syscall:
		return "syscall"
	case waiting:
		return "waiting"
	case dead, deadExtra:
		return "dead"
	case copystack:
		return "copystack"
	case preempted:
		return "preempted"
	case leaked:
		return "leaked"
	}
	return "unknown"
}

// known says whether a runtime has that status: what has another is no goroutine.
func (s status) known() bool { return s <= deadExtra && s != 5 && s != 7 }

// alive says whether there is a goroutine; the runtime keeps what is left of
// ended ones for the next.
func (s status) alive() bool { return s != idle && s != dead && s != deadExtra }

// parked says whether the goroutine waits, so that its stack stands still.
func (s status) parked() bool { return s == waiting || s == preempted || s == leaked }

// goroutine is what is read of a runtime.g.
type goroutine struct {
	id, parent uint64
	status     status
	reason     uint8 // valid while waiting
	// sequence goes up, modulo 256, each time the goroutine stops running
	// (casgstatus in runtime/proc.go): while it is the same, so is the wait.
	sequence uint8
	// created is the return address of the go statement, start the entry of the
	// goroutine's function.
	created, start      uint64
	stackLow, stackHigh uint64
	sp, pc, bp          uint64 // where it stopped
}

// decode reads the first bytes of a runtime.g.
func (f *fields) decode(window []byte) goroutine {
	word := func(at uint64) uint64 { return binary.LittleEndian.Uint64(window[at:]) }
	g := goroutine{
		id:       word(f.id),
		status:   status(binary.LittleEndian.Uint32(window[f.status:]) &^ scanBit),
		reason:   window[f.reason],
		sequence: window[f.sequence],
		parent:   word(f.parent),
		created:  word(f.created), start: word(f.start),
		stackLow: word(f.stackLow), stackHigh: word(f.stackHigh),
		sp: word(f.sp), pc: word(f.pc), bp: word(f.bp),
	}
	if g.status == syscall {
		g.sp, g.pc, g.bp = word(f.syscallSP), word(f.syscallPC), 0
		if f.syscallBP != 0 {
			g.bp = word(f.syscallBP)
		}
	}
	if g.status != waiting && g.status != leaked {
		g.reason = 0
	}
	return g
}

// hasStack says whether the goroutine's stack can be walked from bp.
func (g *goroutine) hasStack() bool {
	return g.pc != 0 && (g.status.parked() || g.status == syscall) && g.onStack(g.bp)
}

// onStack says whether a frame, two words, can lie at that address.
func (g *goroutine) onStack(fp uint64) bool {
	return fp%8 == 0 && fp >= g.stackLow && g.stackHigh >= frameSize && fp <= g.stackHigh-frameSize
}
