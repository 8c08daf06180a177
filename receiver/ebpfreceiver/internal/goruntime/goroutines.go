// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// countGoroutines is gcount of runtime/proc.go: all goroutines that were ever
// made, less those that wait in the free lists of the scheduler and of each P.
func (r *Reader) countGoroutines() (int64, error) {
	count := int64(r.uint64(allGoroutines)) - int64(int32(r.uint32(freeWithStack)))
	if p := r.layout.places[freeWithoutStack]; p.size > 0 {
		count -= int64(int32(r.uint32(freeWithoutStack)))
	}
	if !r.layout.countSystem {
		count -= int64(int32(r.uint32(systemGoroutines)))
	}
	if err := r.readProcessors(); err != nil {
		return 0, err
	}
	for i := range r.freeRanges {
		count -= int64(int32(binary.LittleEndian.Uint32(r.freeRanges[i].Buffer)))
	}
	return max(count, 1), nil
}

// readProcessors fills freeRanges with the length of each P's free list.
func (r *Reader) readProcessors() error {
	header := r.bytes(allProcessors)
	array, length := binary.LittleEndian.Uint64(header), binary.LittleEndian.Uint64(header[8:])
	if length > maxProcessors {
		return fmt.Errorf("%w: %d processors", ErrImplausible, length)
	}
	r.resize(int(length))
	r.pointers[0].Address = array
	if err := r.memory.ReadRanges(r.pointers[:]); err != nil {
		return err
	}
	for i := range r.freeRanges {
		r.freeRanges[i].Address = binary.LittleEndian.Uint64(r.pointers[0].Buffer[8*i:]) + r.layout.processorFree
	}
	return r.memory.ReadRanges(r.freeRanges)
}

// resize makes the buffers hold that many processors.
func (r *Reader) resize(processors int) {
	if len(r.freeRanges) == processors {
		return
	}
	r.pointers[0].Buffer = make([]byte, 8*processors)
	frees := make([]byte, 4*processors)
	r.freeRanges = make([]procmem.Range, processors)
	for i := range r.freeRanges {
		r.freeRanges[i].Buffer = frees[4*i : 4*i+4]
	}
}
