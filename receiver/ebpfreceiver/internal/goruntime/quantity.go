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
	stopTheWorldOther
	stoppingGC
	stoppingOther
	mutexWaitTime
	runtimeLockWaitTime
	createdGoroutines
	// Of runtime.work (workType of runtime/mgc.go).
	cpuTimes
	// Variables of their own. The length of the list of goroutines is read
	// before its address, as the runtime itself does: the list only grows.
	allGoroutines
	goroutineList
	allProcessors
	allThreads
	maxProcs
	classSizes

	numQuantities = 37
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
	case stopTheWorldGC:
		if minor < 22 {
			return memstats("gcPauseDist", timeHistogramSize)
		}
	case cpuTimes:
		return origin{"runtime.work", "runtime.workType", "cpuStats", cpuStatsSize}, true
	}
	if found, ok := q.controllerOrigin(); ok {
		return found, true
	}
	if found, ok := q.variableOrigin(minor); ok {
		return found, true
	}
	return q.schedulerOrigin(minor)
}

// controllerOrigin is that of a quantity of the garbage collector's pacer.
func (q quantity) controllerOrigin() (origin, bool) {
	controller := func(field string, size uint64) (origin, bool) {
		return origin{"runtime.gcController", "runtime.gcControllerState", field, size}, true
	}
	switch q {
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
	}
	return origin{}, false
}

// variableOrigin is that of a quantity that is a variable of its own.
func (q quantity) variableOrigin(minor int) (origin, bool) {
	variable := func(symbol string, size uint64) (origin, bool) {
		return origin{symbol: symbol, size: size}, true
	}
	switch q {
	case allGoroutines:
		return variable("runtime.allglen", 8)
	case goroutineList:
		return variable("runtime.allgptr", 8)
	case allProcessors:
		return variable("runtime.allp", 24)
	case allThreads:
		if minor >= 22 { // before, threads did not count waits for themselves
			return variable("runtime.allm", 8)
		}
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

// schedulerOrigin is that of a quantity of the scheduler, some of which came
// with Go 1.22, 1.25 and 1.26.
func (q quantity) schedulerOrigin(minor int) (origin, bool) {
	sched := func(field string, size uint64, since int) (origin, bool) {
		return origin{"runtime.sched", "runtime.schedt", field, size}, minor >= since
	}
	switch q {
	case freeWithStack:
		if minor < 25 { // one number for both lists
			return sched("gFree.n", 4, 0)
		}
		return sched("gFree.stack.size", 4, 25)
	case freeWithoutStack:
		return sched("gFree.noStack.size", 4, 25)
	case systemGoroutines:
		return sched("ngsys", 4, 0)
	case timeToRun:
		return sched("timeToRun", timeHistogramSize, 0)
	case stopTheWorldGC:
		return sched("stwTotalTimeGC", timeHistogramSize, 22)
	case stopTheWorldOther:
		return sched("stwTotalTimeOther", timeHistogramSize, 22)
	case stoppingGC:
		return sched("stwStoppingTimeGC", timeHistogramSize, 22)
	case stoppingOther:
		return sched("stwStoppingTimeOther", timeHistogramSize, 22)
	case mutexWaitTime:
		return sched("totalMutexWaitTime", 8, 0)
	case runtimeLockWaitTime:
		return sched("totalRuntimeLockWaitTime", 8, 22)
	case createdGoroutines:
		return sched("goroutinesCreated", 8, 26)
	}
	return origin{}, false
}
