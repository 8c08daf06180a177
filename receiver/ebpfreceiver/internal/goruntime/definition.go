// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

// metric numbers the metrics of this package.
type metric uint8

const (
	memoryUsed metric = iota
	memoryLimit
	memoryAllocated
	memoryAllocations
	memoryGCGoal
	memoryGCCycles
	memoryGCPauseDuration
	goroutineCount
	processorLimit
	configGOGC
	scheduleDuration
	// Those for which the semantic conventions have an optional name, or none.
	cpuTime
	memoryClasses
	heapLive
	heapObjects
	heapFreed
	heapFrees
	mutexWait
	otherStops
	stoppingDuration
	goroutineStates
	goroutineWaits
	goroutinesCreated

	numMetrics = 23
)

// Instrument is the kind of a metric. All are cumulative since the process started.
type Instrument string

const (
	// Counter is a monotonic sum: of integers, or of seconds as floating-point numbers.
	Counter Instrument = "Counter"
	// UpDownCounter is a sum of integers that is not monotonic.
	UpDownCounter Instrument = "UpDownCounter"
	// Histogram has explicit buckets.
	Histogram Instrument = "Histogram"
)

// The attributes of data points.
const (
	// MemoryType is that of go.memory.used: stack or other.
	MemoryType = "go.memory.type"
	// CPUState and CPUDetailedState are those of go.cpu.time: "gc" and
	// "gc/mark/assist", as /cpu/classes/gc/mark/assist has it.
	CPUState         = "go.cpu.state"
	CPUDetailedState = "go.cpu.detailed_state"
	// MemoryClass is a class of memory as runtime/metrics names it under
	// /memory/classes/: "heap/unused".
	MemoryClass = "fathom.go.memory.class"
	// StopCause says for whom the world was stopped: gc or other.
	StopCause = "fathom.go.stop_the_world.cause"
	// GoroutineState is running, runnable, waiting or syscall.
	GoroutineState = "fathom.go.goroutine.state"
	// WaitReason is the runtime's name of what a goroutine waits for: "chan receive".
	WaitReason = "fathom.go.goroutine.wait_reason"
)

// Definition describes a metric.
type Definition struct {
	Name        string
	Unit        string
	Instrument  Instrument
	Description string
	// Attributes of its data points.
	Attributes []string
	// Sources are the metrics of runtime/metrics that it is computed from, in
	// the versions that have them.
	Sources []string
}

// Definitions returns all metrics of this package, sorted as they are emitted.
func Definitions() []Definition {
	definitions := make([]Definition, numMetrics)
	for m := range metric(numMetrics) {
		definitions[m] = m.definition()
	}
	return definitions
}

func (m metric) definition() Definition {
	switch m {
	case memoryUsed:
		return Definition{
			Name: "go.memory.used", Unit: "By", Instrument: UpDownCounter,
			Description: "Memory used by the Go runtime.",
			Attributes:  []string{MemoryType},
			Sources:     []string{"/memory/classes/total:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/stacks:bytes"},
		}
	case memoryLimit:
		return Definition{
			Name: "go.memory.limit", Unit: "By", Instrument: UpDownCounter,
			Description: "Go runtime memory limit configured by the user, if a limit exists.",
			Sources:     []string{"/gc/gomemlimit:bytes"},
		}
	case memoryAllocated:
		return Definition{
			Name: "go.memory.allocated", Unit: "By", Instrument: Counter,
			Description: "Memory allocated to the heap by the application.",
			Sources:     []string{"/gc/heap/allocs:bytes"},
		}
	case memoryAllocations:
		return Definition{
			Name: "go.memory.allocations", Unit: "{allocation}", Instrument: Counter,
			Description: "Count of allocations to the heap by the application.",
			Sources:     []string{"/gc/heap/allocs:objects"},
		}
	case memoryGCGoal:
		return Definition{
			Name: "go.memory.gc.goal", Unit: "By", Instrument: UpDownCounter,
			Description: "Heap size target for the end of the GC cycle.",
			Sources:     []string{"/gc/heap/goal:bytes"},
		}
	case memoryGCCycles:
		return Definition{
			Name: "go.memory.gc.cycles", Unit: "{gc_cycle}", Instrument: Counter,
			Description: "Number of completed GC cycles.",
			Sources:     []string{"/gc/cycles/total:gc-cycles"},
		}
	default:
		return m.schedulerDefinition()
	}
}

func (m metric) schedulerDefinition() Definition {
	switch m {
	case memoryGCPauseDuration:
		return Definition{
			Name: "go.memory.gc.pause.duration", Unit: "s", Instrument: Histogram,
			Description: "Distribution of individual GC-related stop-the-world pause latencies. This is the time from deciding to stop the world until the world is started again.",
			Sources:     []string{"/sched/pauses/total/gc:seconds", "/gc/pauses:seconds"}, // the second before Go 1.22
		}
	case goroutineCount:
		return Definition{
			Name: "go.goroutine.count", Unit: "{goroutine}", Instrument: UpDownCounter,
			Description: "Count of live goroutines.",
			Sources:     []string{"/sched/goroutines:goroutines"},
		}
	case processorLimit:
		return Definition{
			Name: "go.processor.limit", Unit: "{thread}", Instrument: UpDownCounter,
			Description: "The number of OS threads that can execute user-level Go code simultaneously.",
			Sources:     []string{"/sched/gomaxprocs:threads"},
		}
	case configGOGC:
		return Definition{
			Name: "go.config.gogc", Unit: "%", Instrument: UpDownCounter,
			Description: "Heap size target percentage configured by the user, otherwise 100.",
			Sources:     []string{"/gc/gogc:percent"},
		}
	case scheduleDuration:
		return Definition{
			Name: "go.schedule.duration", Unit: "s", Instrument: Histogram,
			Description: "The time goroutines have spent in the scheduler in a runnable state before actually running.",
			Sources:     []string{"/sched/latencies:seconds"},
		}
	}
	return m.detailedDefinition()
}
