// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

// variableRule says by which functions a variable is found.
type variableRule struct {
	typeName string // of its struct, whose layout is known; else empty
	size     uint64 // in bytes, where it is no struct
	anchors  []anchor
}

// anchor is a function of the runtime, and what its code does to the variable.
type anchor struct {
	function string
	uses     []use
}

// use is one field of the variable, or a place in it, and what is done to it.
type use struct {
	field  string // dotted path, empty where the variable is no struct
	offset uint64 // from there, in bytes
	how    how
}

// fields are those that a function refers to.
func fields(names ...string) []use {
	uses := make([]use, len(names))
	for i, name := range names {
		uses[i] = use{field: name}
	}
	return uses
}

// does is one use of a variable that is no struct.
func does(h how) []use { return []use{{how: h}} }

// slice are the array, the length and, where it is used, the capacity.
func slice(words int) []use {
	uses := make([]use, words)
	for i := range uses {
		uses[i] = use{offset: uint64(i) * 8, how: uses64}
	}
	return uses
}

const sliceSize = 24

// variableRules are those of the runtime that are found without a symbol table. What
// the functions do was compared with the binaries of Go 1.21 to 1.27
// (TestVariables), and more inlining only adds to it.
var variableRules = map[string]variableRule{
	"runtime.sched": {typeName: "runtime.schedt", anchors: []anchor{
		{"runtime.casgstatus", fields("timeToRun", "totalMutexWaitTime")},
		{"runtime.gcstopm", fields("lock", "gcwaiting", "stopwait", "stopnote")},
		{"runtime.startTheWorldWithSema", fields("lock", "gcwaiting", "sysmonwait", "sysmonnote")},
		{"runtime.gfput", fields("gFree.lock", "gFree.stack", "gFree.noStack")},
	}},
	"runtime.memstats": {typeName: "runtime.mstats", anchors: []anchor{
		{"runtime.gcMarkTermination", fields("last_gc_unix", "last_gc_nanotime", "numgc", "numforcedgc", "pause_total_ns")},
		{"runtime.gcTrigger.test", fields("enablegc", "last_gc_nanotime")},
		{"runtime.(*mheap).init", fields("mspan_sys", "mcache_sys", "gcMiscSys", "other_sys")},
		{"runtime.(*mcache).refill", fields("heapStats")},
	}},
	"runtime.gcController": {typeName: "runtime.gcControllerState", anchors: []anchor{
		{"runtime.gcControllerCommit", fields("gcPercent", "memoryLimit", "lastHeapGoal")},
		{"runtime.gcAssistAlloc", fields("bgScanCredit", "assistWorkPerByte", "assistBytesPerWork")},
		{"runtime.(*cpuStats).accumulate", fields("assistTime", "dedicatedMarkTime", "idleMarkTime")},
		{"runtime.(*mheap).allocSpan", fields("heapFree", "mappedReady", "memoryLimit")},
	}},
	"runtime.work": {typeName: "runtime.workType", anchors: []anchor{
		{"runtime.gcStart", fields("cycles", "mode", "userForced", "maxprocs", "tSweepTerm")},
		{"runtime.gcMarkTermination", fields("cpuStats", "maxprocs", "tMark", "tMarkTerm", "tEnd")},
		{"runtime.gcMarkDone", fields("markDoneSema", "nproc", "nwait")},
	}},
	"runtime.gcphase": {size: 4, anchors: []anchor{
		{"runtime.gcMarkTermination", []use{{how: exchanges}, {how: uses32}}},
		{"runtime.gcMarkDone", does(uses32)},
		{"runtime.gcMark", does(uses32)},
		{"runtime.gcSweep", does(uses32)},
	}},
	"runtime.gomaxprocs": {size: 4, anchors: []anchor{
		{"runtime.(*cpuStats).accumulate", does(uses32)},
		{"runtime.procresize", does(uses32)},
		{"runtime.stopTheWorldWithSema", does(uses32)},
		{"runtime.gcStart", does(uses32)},
	}},
	"runtime.allp": {size: sliceSize, anchors: []anchor{
		{"runtime.procresize", slice(3)},
		{"runtime.stopTheWorldWithSema", slice(2)},
		{"runtime.(*gcControllerState).startCycle", slice(2)},
	}},
	"runtime.allglen": {size: 8, anchors: []anchor{
		{"runtime.allgadd", does(onlyExchanges)},
		{"runtime.forEachGRace", does(uses64)},
	}},
	"runtime.allgptr": {size: 8, anchors: []anchor{
		{"runtime.allgadd", []use{{how: exchanges}, {how: uses64}}},
		{"runtime.forEachGRace", does(uses64)},
	}},
	"runtime.allm": {size: 8, anchors: []anchor{
		{"runtime.mcommoninit", []use{{how: exchanges}, {how: uses64}}},
		{"runtime.mexit", does(refers)},
	}},
	"runtime.mbuckets": {size: 8, anchors: []anchor{
		{"runtime.mProf_FlushLocked", does(uses64)},
		{"runtime.stkbucket", does(refers)},
	}},
	"runtime.MemProfileRate": {size: 8, anchors: []anchor{
		{"runtime.allocmcache", does(uses64)},
		{"runtime.profilealloc", does(uses64)},
		{"runtime.parsegodebug", does(uses64)},
	}},
}

// libraryRules are those of packages that only some programs link. What the
// functions do was compared with the binaries of gRPC 1.60 to 1.85
// (TestVariablesOfGRPC and the receiver's TestReleasesOfGRPC).
var libraryRules = map[string]variableRule{
	"io.EOF": {size: 16, anchors: []anchor{
		{"io.ReadAtLeast", slice(2)},
		{"bytes.(*Buffer).Read", slice(2)},
		{"google.golang.org/grpc.(*clientStream).finish", slice(2)},
	}},
	"google.golang.org/grpc.unaryStreamDesc": {size: 8, anchors: []anchor{
		{"google.golang.org/grpc.invoke", does(uses64)},
		{"google.golang.org/grpc.newClientStreamWithParams", does(uses64)},
	}},
}
