// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// The states that are told apart: those of /sched/goroutines/* of Go 1.26.
const (
	stateRunning = iota
	stateRunnable
	stateWaiting
	stateSyscall

	numStates = 4
	// numReasons is how many reasons to wait there can be: waitReason is a byte.
	numReasons = 256
)

func stateNames() [numStates]string {
	return [numStates]string{"running", "runnable", "waiting", "syscall"}
}

// The states of a goroutine (runtime/runtime2.go). The others are those of
// goroutines that do not exist yet or no more.
const (
	gRunnable  = 1
	gRunning   = 2
	gSyscall   = 3
	gWaiting   = 4
	gCopyStack = 8
	gPreempted = 9
	gLeaked    = 10     // since Go 1.26
	gScan      = 0x1000 // with any of them: the collector looks at its stack
)

// stateOf puts a goroutine's status into one of the states. Named says whether
// the goroutine's reason to wait is the one for which it waits now.
func stateOf(status uint32) (state int, exists, named bool) {
	switch status &^ gScan {
	case gRunnable:
		return stateRunnable, true, false
	case gRunning:
		return stateRunning, true, false
	case gSyscall:
		return stateSyscall, true, false
	case gWaiting, gLeaked:
		return stateWaiting, true, true
	case gCopyStack, gPreempted:
		return stateWaiting, true, false
	}
	return 0, false, false
}

// goroutineChunk is how many goroutines are read at once.
const goroutineChunk = 512

// goroutineReader reads the state of goroutines, in chunks.
type goroutineReader struct {
	// list are the length and the address of the list of all goroutines.
	list     [2]procmem.Range
	buffer   [16]byte
	pointers [1]procmem.Range
	ranges   []procmem.Range
}

// decodeGoroutines counts the goroutines by state and by what they wait for.
// They run on meanwhile: one may be counted in the state that it had before.
// When the list grows it may move, and the memory where it was may be used for
// something else: then it is read again.
func (r *Reader) decodeGoroutines(into *Snapshot) error {
	into.unread = 0
	if !into.has[goroutineStates] {
		return nil
	}
	count, list := r.uint64(allGoroutines), r.uint64(goroutineList)
	for range attempts {
		if count > uint64(max(r.maxGoroutines, 0)) {
			into.has[goroutineStates], into.has[goroutineWaits] = false, false
			into.unread = capped(count)
			return nil
		}
		countErr := r.countStates(list, count, into)
		length, now, err := r.readList()
		if err != nil {
			return err
		}
		if now == list {
			return countErr
		}
		count, list = length, now
	}
	return ErrUnsettled
}

// readList reads the length and the address of the list, in this order, as the
// runtime itself does (atomicAllG of runtime/proc.go): it only grows.
func (r *Reader) readList() (length, list uint64, err error) {
	g := &r.goroutines
	for i, q := range [2]quantity{allGoroutines, goroutineList} {
		p := r.layout.places[q]
		g.list[i] = procmem.Range{Address: r.layout.regions[p.region].address + r.bias + p.offset, Buffer: g.buffer[8*i : 8*i+8]}
	}
	if err := r.memory.ReadRanges(g.list[:]); err != nil {
		return 0, 0, err
	}
	return binary.LittleEndian.Uint64(g.buffer[:]), binary.LittleEndian.Uint64(g.buffer[8:]), nil
}

// countStates counts those of a list.
func (r *Reader) countStates(list, count uint64, into *Snapshot) error {
	into.states, into.waits = [numStates]int64{}, [numReasons]int64{}
	for done := uint64(0); done < count; {
		n := min(count-done, goroutineChunk)
		if err := r.readGoroutines(list+8*done, int(n)); err != nil {
			return err
		}
		r.goroutines.count(r.layout.goroutine, into)
		done += n
	}
	return nil
}

// readGoroutines reads n goroutines whose addresses stand at list.
func (r *Reader) readGoroutines(list uint64, n int) error {
	g, layout := &r.goroutines, r.layout.goroutine
	from, to := layout.bounds()
	g.resize(int(to - from))
	g.ranges = g.ranges[:n]
	g.pointers[0] = procmem.Range{Address: list, Buffer: g.pointers[0].Buffer[:8*n]}
	if err := r.memory.ReadRanges(g.pointers[:]); err != nil {
		return err
	}
	for i := range g.ranges {
		address := binary.LittleEndian.Uint64(g.pointers[0].Buffer[8*i:])
		if address == 0 {
			return fmt.Errorf("%w: a goroutine at address 0", ErrImplausible)
		}
		g.ranges[i].Address = address + from
	}
	return r.memory.ReadRanges(g.ranges)
}

// resize makes the buffers, each of size bytes, once.
func (g *goroutineReader) resize(size int) {
	if g.ranges != nil {
		return
	}
	g.pointers[0].Buffer = make([]byte, 8*goroutineChunk)
	buffer := make([]byte, size*goroutineChunk)
	g.ranges = make([]procmem.Range, goroutineChunk)
	for i := range g.ranges {
		g.ranges[i].Buffer = buffer[i*size : (i+1)*size]
	}
}

// count adds what was read.
func (g *goroutineReader) count(layout goroutineLayout, into *Snapshot) {
	from, _ := layout.bounds()
	for _, r := range g.ranges {
		state, exists, named := stateOf(binary.LittleEndian.Uint32(r.Buffer[layout.status-from:]))
		if !exists {
			continue
		}
		into.states[state]++
		if named {
			into.waits[r.Buffer[layout.waitReason-from]]++
		}
	}
}
