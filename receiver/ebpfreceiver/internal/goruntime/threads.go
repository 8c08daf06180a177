// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// maxThreads bounds the walk along the list of Ms; the runtime itself ends a
// program with more than 10,000 (maxmcount of runtime/proc.go).
const maxThreads = 10_000

// threadReader reads the link to the next M and how long it waited for locks of
// the runtime.
type threadReader struct {
	ranges [2]procmem.Range
	buffer [16]byte
}

// decodeMutexes computes totalMutexWaitTimeNanos of runtime/debug.go: waits for
// mutexes, waits for locks of the runtime by threads that have ended, and by
// each that has not.
func (r *Reader) decodeMutexes(into *Snapshot) error {
	if !into.has[mutexWait] {
		return nil
	}
	total := r.uint64(mutexWaitTime)
	if r.layout.places[runtimeLockWaitTime].size > 0 {
		total += r.uint64(runtimeLockWaitTime)
	}
	if r.layout.places[allThreads].size > 0 {
		waits, err := r.sumLockWaits(r.uint64(allThreads))
		if err != nil {
			return err
		}
		total += waits
	}
	into.ints[mutexWait] = capped(total)
	return nil
}

// sumLockWaits walks along the list of Ms.
func (r *Reader) sumLockWaits(thread uint64) (total uint64, err error) {
	t := &r.threads
	t.ranges[0].Buffer, t.ranges[1].Buffer = t.buffer[:8], t.buffer[8:]
	for range maxThreads {
		if thread == 0 {
			return total, nil
		}
		t.ranges[0].Address = thread + r.layout.thread.next
		t.ranges[1].Address = thread + r.layout.thread.lockWait
		if err := r.memory.ReadRanges(t.ranges[:]); err != nil {
			return 0, err
		}
		thread = binary.LittleEndian.Uint64(t.buffer[:])
		total += binary.LittleEndian.Uint64(t.buffer[8:])
	}
	return 0, fmt.Errorf("%w: more than %d threads", ErrImplausible, maxThreads)
}
