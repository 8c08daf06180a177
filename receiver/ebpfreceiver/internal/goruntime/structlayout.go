// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

import (
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

const (
	// maxClasses bounds the number of size classes; Go has 68.
	maxClasses = 256
	// maxDelta bounds the size of a heapStatsDelta in bytes; it has 1.2 KB.
	maxDelta = 8 << 10
	// maxStruct bounds the offsets of fields in the runtime's structs, in
	// bytes; runtime.p, the largest, takes 16 KiB.
	maxStruct = 64 << 10
	// cpuStatsSize is that of cpuStats (runtime/mstats.go): eleven numbers.
	cpuStatsSize = 11 * 8
)

// deltaLayout is where a heapStatsDelta keeps its fields (runtime/mstats.go).
type deltaLayout struct {
	size                            uint64
	committed, released             uint64
	inHeap, inStacks, inWorkBufs    uint64
	inPointerBits                   uint64 // to Go 1.24
	hasPointerBits                  bool
	largeAlloc, largeAllocCount     uint64
	largeFree, largeFreeCount       uint64
	smallAllocCount, smallFreeCount uint64 // arrays over the size classes
}

// processorLayout is where a P keeps its fields.
type processorLayout struct{ free, created uint64 }

// threadLayout is where an M keeps its fields.
type threadLayout struct{ next, lockWait uint64 }

// goroutineLayout is where a g keeps its fields.
type goroutineLayout struct{ status, waitReason uint64 }

// bounds are the part of a g that holds both.
func (l goroutineLayout) bounds() (from, to uint64) {
	return min(l.status, l.waitReason), max(l.status+4, l.waitReason+1)
}

// resolveDelta lays out heapStatsDelta and returns the size of the three.
func (r *resolver) resolveDelta() (uint64, error) {
	d := &r.layout.delta
	size, err := r.binary.TypeSize("runtime.heapStatsDelta")
	if err != nil {
		return 0, err
	}
	fields := map[string]*uint64{
		"committed": &d.committed, "released": &d.released,
		"inHeap": &d.inHeap, "inStacks": &d.inStacks, "inWorkBufs": &d.inWorkBufs,
		"largeAlloc": &d.largeAlloc, "largeAllocCount": &d.largeAllocCount, "smallAllocCount": &d.smallAllocCount,
		"largeFree": &d.largeFree, "largeFreeCount": &d.largeFreeCount, "smallFreeCount": &d.smallFreeCount,
	}
	if d.hasPointerBits = r.minor < 25; d.hasPointerBits {
		fields["inPtrScalarBits"] = &d.inPointerBits
	}
	for name, into := range fields {
		if *into, err = r.offset("runtime.heapStatsDelta", name); err != nil {
			return 0, err
		}
		if *into > size || size-*into < 8 || size > maxDelta {
			return 0, fmt.Errorf("%w: heapStatsDelta has %d bytes and %s at %d", errMismatch, size, name, *into)
		}
	}
	// smallAllocCount ends where largeFree begins, smallFreeCount with the struct.
	d.size, r.layout.classes = size, int(d.largeFree/8)-int(d.smallAllocCount/8)
	if int(size/8)-int(d.smallFreeCount/8) != r.layout.classes {
		return 0, fmt.Errorf("%w: heapStatsDelta counts allocations of %d classes and frees of others", errMismatch, r.layout.classes)
	}
	return 3 * size, nil
}

// resolveClasses sees that the table of size classes, of uint16, has as many
// elements as the counts have. It comes after resolveDelta.
func (r *resolver) resolveClasses(symbol goexec.Symbol) (uint64, error) {
	if r.failed[heapStats] != nil {
		return 0, r.failed[heapStats]
	}
	if n := symbol.Size / 2; n == 0 || n > maxClasses || int(n) != r.layout.classes {
		return 0, fmt.Errorf("%w: %d size classes in %s and %d in heapStatsDelta", errMismatch, n, symbol.Name, r.layout.classes)
	}
	return symbol.Size, nil
}

// checkHistogram sees that timeHistogram has the buckets that are known.
func (r *resolver) checkHistogram() error {
	size, err := r.binary.TypeSize("runtime.timeHistogram")
	if err == nil && size != timeHistogramSize {
		err = fmt.Errorf("%w: timeHistogram has %d bytes, not %d", errMismatch, size, timeHistogramSize)
	}
	return err
}

// resolveStructs finds the fields of what a quantity leads to.
func (r *resolver) resolveStructs(q quantity) error {
	l := r.layout
	switch q {
	case cpuTimes:
		return r.resolveCPU()
	case allProcessors:
		name := "gFree.size"
		if r.minor < 25 {
			name = "gFree.n"
		}
		return r.structField("runtime.p", name, &l.processor.free)
	case createdGoroutines:
		return r.structField("runtime.p", "goroutinesCreated", &l.processor.created)
	case allThreads:
		if err := r.structField("runtime.m", "alllink", &l.thread.next); err != nil {
			return err
		}
		return r.structField("runtime.m", "mLockProfile.waitTime", &l.thread.lockWait)
	case goroutineList:
		return r.resolveGoroutine()
	}
	return nil
}

// resolveGoroutine finds what a goroutine says of itself.
func (r *resolver) resolveGoroutine() (err error) {
	l := r.layout
	if err := r.structField("runtime.g", "atomicstatus", &l.goroutine.status); err != nil {
		return err
	}
	if err := r.structField("runtime.g", "waitreason", &l.goroutine.waitReason); err != nil {
		return err
	}
	l.waitReasons, err = r.binary.WaitReasons()
	return err
}

// resolveCPU finds the classes of CPU time within cpuStats, whose fields were
// given capital letters in Go 1.23.
func (r *resolver) resolveCPU() error {
	for i, class := range cpuClasses() {
		name := class.field
		if r.minor < 23 {
			name = lowered(name)
		}
		if err := r.structField("runtime.cpuStats", name, &r.layout.cpu[i]); err != nil {
			return err
		}
		if r.layout.cpu[i] > cpuStatsSize-8 {
			return fmt.Errorf("%w: cpuStats has %s at %d", errMismatch, name, r.layout.cpu[i])
		}
	}
	return nil
}

// lowered begins a name with small letters: gcAssistTime, scavengeBgTime.
func lowered(name string) string {
	if len(name) > 2 && name[:2] == "GC" {
		return "gc" + name[2:]
	}
	return string(name[0]|0x20) + name[1:]
}

// structField finds a field of a struct that the process's memory holds many of.
func (r *resolver) structField(typeName, name string, into *uint64) error {
	offset, err := r.offset(typeName, name)
	if err == nil && offset > maxStruct {
		err = fmt.Errorf("%w: %s.%s is at %d", errMismatch, typeName, name, offset)
	}
	*into = offset
	return err
}
