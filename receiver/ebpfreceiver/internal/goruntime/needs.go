// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

// needs returns the quantities that a metric is computed from, as far as the
// binary's version has them.
func (m metric) needs() []quantity {
	switch m {
	case memoryUsed:
		return []quantity{heapStats, heapStatsGeneration, stacksSys, mspanSys, mcacheSys, buckhashSys, gcMiscSys, otherSys}
	case memoryLimit:
		return []quantity{softMemoryLimit}
	case memoryAllocated, memoryAllocations, heapObjects, heapFreed, heapFrees:
		return []quantity{heapStats, heapStatsGeneration, classSizes}
	case memoryClasses:
		return []quantity{heapStats, heapStatsGeneration, classSizes, stacksSys, mspanSys, mcacheSys, buckhashSys, gcMiscSys, otherSys}
	case memoryGCGoal:
		return []quantity{
			softMemoryLimit, gcPercentHeapGoal, sweepDistMinTrigger, triggered, heapMarked,
			heapFree, totalAlloc, totalFree, mappedReady,
		}
	case memoryGCCycles:
		return []quantity{completedCycles}
	case memoryGCPauseDuration:
		return []quantity{stopTheWorldGC}
	case configGOGC:
		return []quantity{gcPercent}
	case cpuTime:
		return []quantity{cpuTimes}
	case heapLive:
		return []quantity{heapMarked}
	}
	return m.schedulerNeeds()
}

func (m metric) schedulerNeeds() []quantity {
	switch m {
	case goroutineCount:
		return []quantity{allGoroutines, allProcessors, freeWithStack, freeWithoutStack, systemGoroutines}
	case processorLimit:
		return []quantity{maxProcs}
	case scheduleDuration:
		return []quantity{timeToRun}
	case mutexWait:
		return []quantity{mutexWaitTime, runtimeLockWaitTime, allThreads}
	case otherStops:
		return []quantity{stopTheWorldOther}
	case stoppingDuration:
		return []quantity{stoppingGC, stoppingOther}
	case goroutineStates, goroutineWaits:
		return []quantity{allGoroutines, goroutineList}
	case goroutinesCreated:
		return []quantity{createdGoroutines, allProcessors}
	}
	return nil
}
