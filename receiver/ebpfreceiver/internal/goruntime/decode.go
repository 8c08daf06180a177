// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

import "encoding/binary"

// heapTotals are sums over the heap statistics, as heapStatsAggregate of
// runtime/metrics.go has them.
type heapTotals struct {
	committed, released          uint64
	inHeap, inStacks, inWorkBufs uint64
	inPointerBits                uint64
	allocated, allocations       uint64
	freed, frees                 uint64
}

// sumHeapStats adds up the three heapStatsDeltas in memory. At each moment one
// is written to, one holds the data before, one is empty; the values are the
// sum. Sizes are those of the classes, without which nothing is added up for
// small objects.
func sumHeapStats(memory []byte, d deltaLayout, sizes []byte) heapTotals {
	var t heapTotals
	for i := range uint64(3) {
		delta := memory[i*d.size:][:d.size]
		word := func(offset uint64) uint64 { return binary.LittleEndian.Uint64(delta[offset:]) }
		t.committed += word(d.committed)
		t.released += word(d.released)
		t.inHeap += word(d.inHeap)
		t.inStacks += word(d.inStacks)
		t.inWorkBufs += word(d.inWorkBufs)
		if d.hasPointerBits {
			t.inPointerBits += word(d.inPointerBits)
		}
		t.allocated += word(d.largeAlloc)
		t.allocations += word(d.largeAllocCount)
		t.freed += word(d.largeFree)
		t.frees += word(d.largeFreeCount)
		for class := range uint64(len(sizes) / 2) {
			size := uint64(binary.LittleEndian.Uint16(sizes[2*class:]))
			allocs, frees := word(d.smallAllocCount+8*class), word(d.smallFreeCount+8*class)
			t.allocations += allocs
			t.allocated += allocs * size
			t.frees += frees
			t.freed += frees * size
		}
	}
	return t
}

// areClassSizes tells whether the table can be that of the size classes: 0, then
// growing multiples of 8.
func areClassSizes(table []byte) bool {
	last := -1
	for i := 0; i+2 <= len(table); i += 2 {
		size := int(binary.LittleEndian.Uint16(table[i:]))
		if size <= last || size%8 != 0 || i == 0 && size != 0 {
			return false
		}
		last = size
	}
	return true
}

// settled tells, from two copies of the heap statistics taken one after the
// other, whether the second is whole. The runtime's own readers rotate the
// three deltas: they advance the generation, add the old delta to the next and
// clear it ((*consistentHeapStats).read in runtime/mstats.go). While that
// lasts, numbers are counted twice or not at all. It has not begun, or is over,
// where the delta after the current one is empty; and it has not begun again
// where the generation is still the same.
func settled(first, second []byte, firstGeneration, secondGeneration uint32, d deltaLayout) bool {
	if firstGeneration > 2 || firstGeneration != secondGeneration {
		return false
	}
	empty := uint64(firstGeneration+1) % 3 * d.size
	return isZero(first[empty:][:d.size]) && isZero(second[empty:][:d.size])
}

func isZero(memory []byte) bool {
	for _, b := range memory {
		if b != 0 {
			return false
		}
	}
	return true
}

// pacer holds what the heap goal is computed from (gcControllerState of
// runtime/mgcpacer.go).
type pacer struct {
	memoryLimit, gcPercentHeapGoal, sweepDistMinTrigger, triggered uint64
	heapMarked, heapFree, totalAlloc, totalFree, mappedReady       uint64
}

// plausible tells whether the numbers, which the runtime changes one by one,
// fit together. The runtime waits for the same.
func (p pacer) plausible() bool { return p.heapFree+p.heapAlloc() <= p.mappedReady }

func (p pacer) heapAlloc() uint64 { return p.totalAlloc - p.totalFree }

const (
	minRunway          = 64 << 10 // minRunway of heapGoalInternal
	minGoalHeadroom    = 1 << 20  // memoryLimitMinHeapGoalHeadroom
	headroomPercent    = 3        // memoryLimitHeapGoalHeadroomPercent
	outsideOfMarkPhase = ^uint64(0)
)

// heapGoal is heapGoalInternal of runtime/mgcpacer.go.
func (p pacer) heapGoal() uint64 {
	goal := p.gcPercentHeapGoal
	if limited := p.memoryLimitHeapGoal(); limited < goal {
		return limited
	}
	goal = max(goal, p.sweepDistMinTrigger)
	if p.triggered != outsideOfMarkPhase && goal < p.triggered+minRunway {
		goal = p.triggered + minRunway
	}
	return goal
}

// memoryLimitHeapGoal is the method of that name of runtime/mgcpacer.go.
func (p pacer) memoryLimitHeapGoal() uint64 {
	nonHeap := p.mappedReady - p.heapFree - p.heapAlloc()
	overage := uint64(0)
	if p.mappedReady > p.memoryLimit {
		overage = p.mappedReady - p.memoryLimit
	}
	if nonHeap+overage >= p.memoryLimit {
		return p.heapMarked
	}
	goal := p.memoryLimit - (nonHeap + overage)
	headroom := max(goal/100*headroomPercent, minGoalHeadroom)
	if goal < headroom || goal-headroom < headroom {
		goal = headroom
	} else {
		goal -= headroom
	}
	return max(goal, p.heapMarked)
}
