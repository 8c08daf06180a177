// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goruntime

// detailedDefinition continues definition with what the semantic conventions
// leave to opt-in or have no name for.
func (m metric) detailedDefinition() Definition {
	switch m {
	case cpuTime:
		return Definition{
			Name: "go.cpu.time", Unit: "s", Instrument: Counter,
			Description: "Estimated CPU time spent by the Go runtime.",
			Attributes:  []string{CPUState, CPUDetailedState},
			Sources:     cpuSources(),
		}
	case memoryClasses:
		return Definition{
			Name: "fathom.go.memory.classes", Unit: "By", Instrument: UpDownCounter,
			Description: "Memory that the Go runtime has mapped, by its class; the classes sum to all of it.",
			Attributes:  []string{MemoryClass},
			Sources:     memorySources(),
		}
	case heapLive:
		return Definition{
			Name: "fathom.go.memory.heap.live", Unit: "By", Instrument: UpDownCounter,
			Description: "Heap memory occupied by live objects that the last GC cycle marked.",
			Sources:     []string{"/gc/heap/live:bytes"},
		}
	case heapObjects:
		return Definition{
			Name: "fathom.go.memory.heap.objects", Unit: "{object}", Instrument: UpDownCounter,
			Description: "Objects, live or not yet swept, that occupy heap memory.",
			Sources:     []string{"/gc/heap/objects:objects"},
		}
	case heapFreed:
		return Definition{
			Name: "fathom.go.memory.freed", Unit: "By", Instrument: Counter,
			Description: "Heap memory that the GC freed.",
			Sources:     []string{"/gc/heap/frees:bytes"},
		}
	case heapFrees:
		return Definition{
			Name: "fathom.go.memory.frees", Unit: "{object}", Instrument: Counter,
			Description: "Heap objects that the GC freed.",
			Sources:     []string{"/gc/heap/frees:objects"},
		}
	default:
		return m.waitDefinition()
	}
}

// waitDefinition continues detailedDefinition with what makes goroutines wait.
func (m metric) waitDefinition() Definition {
	switch m {
	case mutexWait:
		return Definition{
			Name: "fathom.go.mutex.wait", Unit: "s", Instrument: Counter,
			Description: "Time that goroutines spent blocked on a sync.Mutex, a sync.RWMutex or a lock of the runtime.",
			Sources:     []string{"/sync/mutex/wait/total:seconds"},
		}
	case otherStops:
		return Definition{
			Name: "fathom.go.stop_the_world.other.duration", Unit: "s", Instrument: Histogram,
			Description: "Distribution of stop-the-world pauses for another reason than GC, from the decision to stop until the world is started again.",
			Sources:     []string{"/sched/pauses/total/other:seconds"},
		}
	case stoppingDuration:
		return Definition{
			Name: "fathom.go.stop_the_world.stopping.duration", Unit: "s", Instrument: Histogram,
			Description: "Distribution of the first part of stop-the-world pauses: from the decision to stop until all processors have stopped.",
			Attributes:  []string{StopCause},
			Sources:     []string{"/sched/pauses/stopping/gc:seconds", "/sched/pauses/stopping/other:seconds"},
		}
	case goroutineStates:
		return Definition{
			Name: "fathom.go.goroutine.states", Unit: "{goroutine}", Instrument: UpDownCounter,
			Description: "Goroutines by state, the runtime's own included.",
			Attributes:  []string{GoroutineState},
			Sources: []string{
				"/sched/goroutines/running:goroutines", "/sched/goroutines/runnable:goroutines",
				"/sched/goroutines/waiting:goroutines", "/sched/goroutines/not-in-go:goroutines",
			},
		}
	case goroutineWaits:
		return Definition{
			Name: "fathom.go.goroutine.waiting", Unit: "{goroutine}", Instrument: UpDownCounter,
			Description: "Waiting goroutines by what they wait for, the runtime's own included.",
			Attributes:  []string{WaitReason},
		}
	case goroutinesCreated:
		return Definition{
			Name: "fathom.go.goroutine.created", Unit: "{goroutine}", Instrument: Counter,
			Description: "Goroutines created since the program started.",
			Sources:     []string{"/sched/goroutines-created:goroutines"},
		}
	}
	return Definition{}
}

// since is the first minor version of Go 1 whose runtime counts for the metric.
func (m metric) since() int {
	switch m {
	case otherStops, stoppingDuration:
		return 22
	case goroutinesCreated:
		return 26
	}
	return oldestMinor
}

// The classes of CPU time, with the field of cpuStats (runtime/mstats.go) that
// counts each and its name in runtime/metrics. The totals are left out: they
// are sums of these.
const numCPUClasses = 8

type cpuClass struct{ state, detail, field string }

func cpuClasses() [numCPUClasses]cpuClass {
	return [numCPUClasses]cpuClass{
		{"gc", "gc/mark/assist", "GCAssistTime"},
		{"gc", "gc/mark/dedicated", "GCDedicatedTime"},
		{"gc", "gc/mark/idle", "GCIdleTime"},
		{"gc", "gc/pause", "GCPauseTime"},
		{"scavenge", "scavenge/assist", "ScavengeAssistTime"},
		{"scavenge", "scavenge/background", "ScavengeBgTime"},
		{"idle", "idle", "IdleTime"},
		{"user", "user", "UserTime"},
	}
}

func cpuSources() []string {
	var sources []string
	for _, class := range cpuClasses() {
		sources = append(sources, "/cpu/classes/"+class.detail+":cpu-seconds")
	}
	return append(sources, "/cpu/classes/gc/total:cpu-seconds", "/cpu/classes/scavenge/total:cpu-seconds", "/cpu/classes/total:cpu-seconds")
}

// The classes of memory, in the order of their names. Those of metadata that
// runtime/metrics splits into what is in use and what is free are whole.
const (
	classHeapFree = iota
	classHeapObjects
	classHeapReleased
	classHeapStacks
	classHeapUnused
	classCaches
	classSpans
	classMetadata
	classStacks
	classOther
	classProfiling

	numMemoryClasses = 11
)

func memoryClassNames() [numMemoryClasses]string {
	return [numMemoryClasses]string{
		"heap/free", "heap/objects", "heap/released", "heap/stacks", "heap/unused",
		"metadata/mcache", "metadata/mspan", "metadata/other", "os-stacks", "other", "profiling/buckets",
	}
}

func memorySources() []string {
	var sources []string
	for class, name := range memoryClassNames() {
		switch class {
		case classCaches, classSpans:
			sources = append(sources, "/memory/classes/"+name+"/free:bytes", "/memory/classes/"+name+"/inuse:bytes")
		default:
			sources = append(sources, "/memory/classes/"+name+":bytes")
		}
	}
	return sources
}
