// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// Snapshot holds the numbers of one read.
type Snapshot struct {
	has [numMetrics]bool
	// ints are the values of the metrics that have one, times in nanoseconds.
	// Of memoryUsed it is the part that is no stack.
	ints    [numMetrics]int64
	stacks  int64
	cpu     [numCPUClasses]int64 // nanoseconds
	classes [numMemoryClasses]int64
	// Of goroutines, by state, and by reason where they wait. The texts are the layout's.
	states [numStates]int64
	waits  [numReasons]int64
	texts  map[uint8]string

	schedule, pauses, otherPauses, stoppingGC, stoppingOther durations
	unread                                                   int64
}

// Unread is how many goroutines the process has where these were too many to
// be read one by one: their states are not in the snapshot then. Otherwise 0.
func (s *Snapshot) Unread() int64 { return s.unread }

// Memory of a process; *procmem.Process has it.
type Memory interface {
	// ReadRanges fills all ranges or fails.
	ReadRanges(ranges []procmem.Range) error
}

var (
	// ErrUnsettled says that the runtime was changing its statistics in each
	// attempt to read them.
	ErrUnsettled = errors.New("the runtime was changing its statistics")
	// ErrImplausible says that the process holds what no Go runtime holds once
	// it has started: it is starting, or has executed another program.
	ErrImplausible = errors.New("no plausible state of a Go runtime")
)

const (
	// attempts to read the statistics in a settled state. A rotation lasts
	// about a microsecond.
	attempts = 5
	// maxProcessors bounds the length of runtime.allp.
	maxProcessors = 1 << 12
)

// Reader reads the runtime of one process. It is not safe for concurrent use.
type Reader struct {
	layout *Layout
	memory Memory
	bias   uint64
	// ranges are a first copy of the heap statistics, where there are any, and
	// then all regions.
	ranges        []procmem.Range
	regions       [][]byte
	first         []byte
	processors    processorReader
	threads       threadReader
	goroutines    goroutineReader
	maxGoroutines int
}

// NewReader reads the memory of a process that runs the layout's binary with
// the given load bias (run-time less link-time addresses). Goroutines are read
// one by one, for their states, where there are at most maxGoroutines.
func NewReader(layout *Layout, memory Memory, bias uint64, maxGoroutines int) *Reader {
	r := &Reader{layout: layout, memory: memory, bias: bias, maxGoroutines: maxGoroutines}
	for _, region := range layout.regions {
		buffer := make([]byte, region.size)
		r.regions = append(r.regions, buffer)
		r.ranges = append(r.ranges, procmem.Range{Address: region.address + bias, Buffer: buffer})
	}
	if r.hasHeapStats() {
		stats, generation := layout.places[heapStats], layout.places[heapStatsGeneration]
		r.first = make([]byte, max(stats.offset+stats.size, generation.offset+generation.size))
		address := layout.regions[stats.region].address + bias
		r.ranges = append([]procmem.Range{{Address: address, Buffer: r.first}}, r.ranges...)
	}
	return r
}

func (r *Reader) hasHeapStats() bool {
	return r.layout.has[memoryUsed] || r.layout.has[memoryAllocated] || r.layout.has[memoryClasses]
}

// Read takes a snapshot. Errors wrap procmem.ErrGone where the process has
// ended, procmem.ErrFault or ErrImplausible where it runs something else or has
// not yet begun, ErrUnsettled where another attempt may succeed.
func (r *Reader) Read(into *Snapshot) error {
	for range attempts {
		if err := r.memory.ReadRanges(r.ranges); err != nil {
			return fmt.Errorf("read the runtime's numbers: %w", err)
		}
		if err := r.plausible(); err != nil {
			return err
		}
		if r.settled() {
			return r.decode(into)
		}
	}
	return fmt.Errorf("read the runtime's numbers: %w", ErrUnsettled)
}

// plausible looks at what is the same in each Go program once it runs.
func (r *Reader) plausible() error {
	if r.layout.has[processorLimit] {
		if n := r.uint32(maxProcs); n == 0 || n > maxProcessors {
			return fmt.Errorf("%w: GOMAXPROCS is %d", ErrImplausible, n)
		}
	}
	if r.layout.has[memoryAllocated] && !areClassSizes(r.bytes(classSizes)) {
		return fmt.Errorf("%w: the table of size classes is not there", ErrImplausible)
	}
	return nil
}

// settled tells whether the numbers that were read fit together.
func (r *Reader) settled() bool {
	if r.hasHeapStats() {
		stats, generation := r.layout.places[heapStats], r.layout.places[heapStatsGeneration]
		first := binary.LittleEndian.Uint32(r.first[generation.offset:])
		if !settled(r.first[stats.offset:], r.bytes(heapStats), first, r.uint32(heapStatsGeneration), r.layout.delta) {
			return false
		}
	}
	return !r.layout.has[memoryGCGoal] || r.pacer().plausible()
}

// decode computes the values of all metrics that the layout has.
func (r *Reader) decode(into *Snapshot) error {
	into.has, into.texts = r.layout.has, r.layout.waitReasons
	r.decodeHeap(into)
	r.decodeCollector(into)
	r.decodeScheduler(into)
	if err := r.decodeProcessors(into); err != nil {
		return fmt.Errorf("read the processors: %w", err)
	}
	if err := r.decodeMutexes(into); err != nil {
		return fmt.Errorf("read the threads: %w", err)
	}
	if err := r.decodeGoroutines(into); err != nil {
		return fmt.Errorf("read the goroutines: %w", err)
	}
	return nil
}

// decodeHeap computes what comes from the heap statistics.
func (r *Reader) decodeHeap(into *Snapshot) {
	if !r.hasHeapStats() {
		return
	}
	var sizes []byte
	if into.has[memoryAllocated] {
		sizes = r.bytes(classSizes)
	}
	totals := sumHeapStats(r.bytes(heapStats), r.layout.delta, sizes)
	if into.has[memoryAllocated] {
		into.ints[memoryAllocated] = capped(totals.allocated)
		into.ints[memoryAllocations] = capped(totals.allocations)
		into.ints[heapFreed] = capped(totals.freed)
		into.ints[heapFrees] = capped(totals.frees)
		into.ints[heapObjects] = capped(totals.allocations - totals.frees)
	}
	if into.has[memoryUsed] {
		total := totals.committed + totals.released
		for q := stacksSys; q <= otherSys; q++ {
			total += r.uint64(q)
		}
		into.stacks = capped(totals.inStacks)
		into.ints[memoryUsed] = capped(total) - capped(totals.released) - into.stacks
	}
	if into.has[memoryClasses] {
		r.decodeClasses(totals, into)
	}
}

// decodeClasses computes what initMetrics of runtime/metrics.go has under
// /memory/classes/.
func (r *Reader) decodeClasses(t heapTotals, into *Snapshot) {
	objects := t.allocated - t.freed
	into.classes = [numMemoryClasses]int64{
		classHeapFree:     capped(t.committed - t.inHeap - t.inStacks - t.inWorkBufs - t.inPointerBits),
		classHeapObjects:  capped(objects),
		classHeapReleased: capped(t.released),
		classHeapStacks:   capped(t.inStacks),
		classHeapUnused:   capped(t.inHeap - objects),
		classCaches:       capped(r.uint64(mcacheSys)),
		classSpans:        capped(r.uint64(mspanSys)),
		classMetadata:     capped(t.inWorkBufs + t.inPointerBits + r.uint64(gcMiscSys)),
		classStacks:       capped(r.uint64(stacksSys)),
		classOther:        capped(r.uint64(otherSys)),
		classProfiling:    capped(r.uint64(buckhashSys)),
	}
}

// decodeCollector computes what comes from the garbage collector.
func (r *Reader) decodeCollector(into *Snapshot) {
	if into.has[memoryLimit] {
		into.ints[memoryLimit] = capped(r.uint64(softMemoryLimit))
	}
	if into.has[memoryGCGoal] {
		into.ints[memoryGCGoal] = capped(r.pacer().heapGoal())
	}
	if into.has[heapLive] {
		into.ints[heapLive] = capped(r.uint64(heapMarked))
	}
	if into.has[memoryGCCycles] {
		into.ints[memoryGCCycles] = int64(r.uint32(completedCycles))
	}
	if into.has[memoryGCPauseDuration] {
		decodeDurations(r.bytes(stopTheWorldGC), &into.pauses)
	}
	if into.has[configGOGC] {
		// GOGC=off is -1 there, which runtime/metrics widens to an uint64.
		into.ints[configGOGC] = capped(uint64(int32(r.uint32(gcPercent))))
	}
	if into.has[cpuTime] {
		for i, offset := range r.layout.cpu {
			into.cpu[i] = int64(binary.LittleEndian.Uint64(r.bytes(cpuTimes)[offset:]))
		}
	}
}

// decodeScheduler computes what comes from the scheduler's own variable.
func (r *Reader) decodeScheduler(into *Snapshot) {
	if into.has[processorLimit] {
		into.ints[processorLimit] = int64(int32(r.uint32(maxProcs)))
	}
	if into.has[scheduleDuration] {
		decodeDurations(r.bytes(timeToRun), &into.schedule)
	}
	if into.has[otherStops] {
		decodeDurations(r.bytes(stopTheWorldOther), &into.otherPauses)
	}
	if into.has[stoppingDuration] {
		decodeDurations(r.bytes(stoppingGC), &into.stoppingGC)
		decodeDurations(r.bytes(stoppingOther), &into.stoppingOther)
	}
}

func (r *Reader) pacer() pacer {
	return pacer{
		memoryLimit:         r.uint64(softMemoryLimit),
		gcPercentHeapGoal:   r.uint64(gcPercentHeapGoal),
		sweepDistMinTrigger: r.uint64(sweepDistMinTrigger),
		triggered:           r.uint64(triggered),
		heapMarked:          r.uint64(heapMarked),
		heapFree:            r.uint64(heapFree),
		totalAlloc:          r.uint64(totalAlloc),
		totalFree:           r.uint64(totalFree),
		mappedReady:         r.uint64(mappedReady),
	}
}

// bytes of a quantity as they were read last.
func (r *Reader) bytes(q quantity) []byte {
	p := r.layout.places[q]
	return r.regions[p.region][p.offset:][:p.size]
}

func (r *Reader) uint64(q quantity) uint64 { return binary.LittleEndian.Uint64(r.bytes(q)) }

func (r *Reader) uint32(q quantity) uint32 { return binary.LittleEndian.Uint32(r.bytes(q)) }
