// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

// quantity is one variable of the runtime, or one field of one.
type quantity uint8

const (
	// Of runtime.memstats (runtime/mstats.go).
	heapStats quantity = iota
	heapStatsGeneration
	stacksSys
	mspanSys
	mcacheSys
	buckhashSys
	gcMiscSys
	otherSys
	completedCycles
	// Of runtime.gcController (runtime/mgcpacer.go).
	gcPercent
	softMemoryLimit
	gcPercentHeapGoal
	sweepDistMinTrigger
	triggered
	heapMarked
	heapFree
	totalAlloc
	totalFree
	mappedReady
	// Of runtime.sched (schedt of runtime/runtime2.go).
	freeWithStack
	freeWithoutStack
	systemGoroutines
	timeToRun
	stopTheWorldGC
	// Variables of their own.
	allGoroutines
	allProcessors
	maxProcs
	classSizes

	numQuantities = 28
)

// origin is where a quantity is found: a variable, and a field of its type
// unless it is the whole variable.
type origin struct {
	symbol   string
	typeName string
	field    string
	size     uint64 // in bytes; 0 where the binary tells
}

// origin of the quantity in a binary that Go 1.minor built. The second result
// is false where that version has none.
func (q quantity) origin(minor int) (origin, bool) {
	memstats := func(field string, size uint64) (origin, bool) {
		return origin{"runtime.memstats", "runtime.mstats", field, size}, true
	}
	controller := func(field string, size uint64) (origin, bool) {
		return origin{"runtime.gcController", "runtime.gcControllerState", field, size}, true
	}
	switch q {
	case heapStats:
		return memstats("heapStats.stats", 0)
	case heapStatsGeneration:
		return memstats("heapStats.gen", 4)
	case stacksSys:
		return memstats("stacks_sys", 8)
	case mspanSys:
		return memstats("mspan_sys", 8)
	case mcacheSys:
		return memstats("mcache_sys", 8)
	case buckhashSys:
		return memstats("buckhash_sys", 8)
	case gcMiscSys:
		return memstats("gcMiscSys", 8)
	case otherSys:
		return memstats("other_sys", 8)
	case completedCycles:
		return memstats("numgc", 4)
	case gcPercent:
		return controller("gcPercent", 4)
	case softMemoryLimit:
		return controller("memoryLimit", 8)
	case gcPercentHeapGoal:
		return controller("gcPercentHeapGoal", 8)
	case sweepDistMinTrigger:
		return controller("sweepDistMinTrigger", 8)
	case triggered:
		return controller("triggered", 8)
	case heapMarked:
		return controller("heapMarked", 8)
	case heapFree:
		return controller("heapFree", 8)
	case totalAlloc:
		return controller("totalAlloc", 8)
	case totalFree:
		return controller("totalFree", 8)
	case mappedReady:
		return controller("mappedReady", 8)
	default:
		return q.schedulerOrigin(minor)
	}
}

// schedulerOrigin continues origin with the scheduler's quantities, some of
// which moved in Go 1.25.
func (q quantity) schedulerOrigin(minor int) (origin, bool) {
	sched := func(field string, size uint64) (origin, bool) {
		return origin{"runtime.sched", "runtime.schedt", field, size}, true
	}
	variable := func(symbol string, size uint64) (origin, bool) {
		return origin{symbol: symbol, size: size}, true
	}
	switch q {
	case freeWithStack:
		if minor < 25 { // one number for both lists
			return sched("gFree.n", 4)
		}
		return sched("gFree.stack.size", 4)
	case freeWithoutStack:
		if minor < 25 {
			return origin{}, false
		}
		return sched("gFree.noStack.size", 4)
	case systemGoroutines:
		return sched("ngsys", 4)
	case timeToRun:
		return sched("timeToRun", timeHistogramSize)
	case stopTheWorldGC:
		return sched("stwTotalTimeGC", timeHistogramSize)
	case allGoroutines:
		return variable("runtime.allglen", 8)
	case allProcessors:
		return variable("runtime.allp", 24)
	case maxProcs:
		return variable("runtime.gomaxprocs", 4)
	case classSizes:
		if minor < 25 {
			return variable("runtime.class_to_size", 0)
		}
		return variable("internal/runtime/gc.SizeClassToSize", 0)
	}
	return origin{}, false
}

// needs returns the quantities that a metric is computed from.
func (m metric) needs() []quantity {
	switch m {
	case memoryUsed:
		return []quantity{heapStats, heapStatsGeneration, stacksSys, mspanSys, mcacheSys, buckhashSys, gcMiscSys, otherSys}
	case memoryLimit:
		return []quantity{softMemoryLimit}
	case memoryAllocated, memoryAllocations:
		return []quantity{heapStats, heapStatsGeneration, classSizes}
	case memoryGCGoal:
		return []quantity{
			softMemoryLimit, gcPercentHeapGoal, sweepDistMinTrigger, triggered, heapMarked,
			heapFree, totalAlloc, totalFree, mappedReady,
		}
	case memoryGCCycles:
		return []quantity{completedCycles}
	case memoryGCPauseDuration:
		return []quantity{stopTheWorldGC}
	case goroutineCount:
		return []quantity{allGoroutines, allProcessors, freeWithStack, freeWithoutStack, systemGoroutines}
	case processorLimit:
		return []quantity{maxProcs}
	case configGOGC:
		return []quantity{gcPercent}
	case scheduleDuration:
		return []quantity{timeToRun}
	}
	return nil
}
