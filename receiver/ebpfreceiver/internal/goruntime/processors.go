// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// systemCountedSince is the first minor version whose /sched/goroutines counts
// the runtime's own goroutines too (gcount(true) in runtime/metrics.go).
const systemCountedSince = 26

// processorReader reads two numbers of each P: the length of its list of free
// goroutines, and, where it is counted, how many it created.
type processorReader struct {
	pointers [1]procmem.Range
	ranges   []procmem.Range // one or two a P
	created  bool
}

// decodeProcessors computes what is kept for each P.
func (r *Reader) decodeProcessors(into *Snapshot) error {
	if !into.has[goroutineCount] && !into.has[goroutinesCreated] {
		return nil
	}
	if err := r.readProcessors(); err != nil {
		return err
	}
	free, created := r.processors.sums()
	if into.has[goroutineCount] {
		into.ints[goroutineCount] = r.countGoroutines(free)
	}
	if into.has[goroutinesCreated] {
		into.ints[goroutinesCreated] = capped(r.uint64(createdGoroutines) + created)
	}
	return nil
}

// countGoroutines is gcount of runtime/proc.go: all goroutines that were ever
// made, less those that wait in the free lists of the scheduler and of each P.
func (r *Reader) countGoroutines(free int64) int64 {
	count := int64(r.uint64(allGoroutines)) - int64(int32(r.uint32(freeWithStack))) - free
	if p := r.layout.places[freeWithoutStack]; p.size > 0 {
		count -= int64(int32(r.uint32(freeWithoutStack)))
	}
	if r.layout.minor < systemCountedSince {
		count -= int64(int32(r.uint32(systemGoroutines)))
	}
	return max(count, 1)
}

// readProcessors fills the ranges.
func (r *Reader) readProcessors() error {
	header := r.bytes(allProcessors)
	array, length := binary.LittleEndian.Uint64(header), binary.LittleEndian.Uint64(header[8:])
	if length > maxProcessors {
		return fmt.Errorf("%w: %d processors", ErrImplausible, length)
	}
	p := &r.processors
	p.resize(int(length), r.layout.has[goroutinesCreated])
	p.pointers[0].Address = array
	if err := r.memory.ReadRanges(p.pointers[:]); err != nil {
		return err
	}
	for i := range int(length) {
		address := binary.LittleEndian.Uint64(p.pointers[0].Buffer[8*i:])
		if p.created {
			p.ranges[2*i].Address = address + r.layout.processor.free
			p.ranges[2*i+1].Address = address + r.layout.processor.created
		} else {
			p.ranges[i].Address = address + r.layout.processor.free
		}
	}
	return r.memory.ReadRanges(p.ranges)
}

// resize makes the buffers hold that many processors.
func (p *processorReader) resize(processors int, created bool) {
	if len(p.pointers[0].Buffer) == 8*processors {
		return
	}
	p.created = created
	p.pointers[0].Buffer = make([]byte, 8*processors)
	p.ranges = p.ranges[:0]
	for range processors {
		p.ranges = append(p.ranges, procmem.Range{Buffer: make([]byte, 4)})
		if created {
			p.ranges = append(p.ranges, procmem.Range{Buffer: make([]byte, 8)})
		}
	}
}

// sums adds up what was read.
func (p *processorReader) sums() (free int64, created uint64) {
	for _, r := range p.ranges {
		if len(r.Buffer) == 8 {
			created += binary.LittleEndian.Uint64(r.Buffer)
			continue
		}
		free += int64(int32(binary.LittleEndian.Uint32(r.Buffer)))
	}
	return free, created
}
