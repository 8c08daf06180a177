// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

const bias = 0x7f0000000000

// process is a fake process of a fake binary.
type process struct {
	binary *fakeBinary
	memory *fakeMemory
	reader *Reader
}

// newProcess makes one whose runtime has just started.
func newProcess(tb testing.TB, minor int) *process {
	tb.Helper()
	p := &process{binary: newFakeBinary(minor), memory: &fakeMemory{}}
	layout := Resolve(p.binary)
	require.Empty(tb, layout.Missing())
	p.reader = NewReader(layout, p.memory, bias, 100)
	p.memory.put64(p.at(tb, triggered), outsideOfMarkPhase)
	p.memory.put64(p.at(tb, softMemoryLimit), math.MaxInt64)
	p.memory.putBytes(p.at(tb, classSizes), []byte{0, 0, 16, 0})
	p.memory.put32(p.at(tb, maxProcs), 2)
	return p
}

func (p *process) at(tb testing.TB, q quantity) uint64 { return p.binary.address(tb, q) + bias }

func (p *process) read(tb testing.TB) *Snapshot {
	tb.Helper()
	var s Snapshot
	require.NoError(tb, p.reader.Read(&s))
	return &s
}

func TestReadHeap(t *testing.T) {
	for minor, pointerBits := range map[int]int64{24: 11 * 20, 26: 0} {
		p := newProcess(t, minor)
		stats := p.at(t, heapStats)
		for slot, factor := range []uint64{1, 10} { // the third is empty, the second current
			delta := stats + uint64(slot)*fakeDeltaSize
			for offset, v := range map[uint64]uint64{
				fakeCommitted: 100_000, fakeReleased: 200, fakeInHeap: 60_000, fakeInStacks: 300, fakeInWorkBufs: 40, fakePointerBits: 20,
				fakeLargeAlloc: 50_000, fakeLargeAllocCount: 2, fakeSmallAllocCount: 7, fakeSmallAllocCount + 8: 5,
				fakeLargeFree: 20_000, fakeLargeFreeCount: 1, fakeSmallFreeCount: 7, fakeSmallFreeCount + 8: 3,
			} {
				p.memory.put64(delta+offset, v*factor)
			}
		}
		p.memory.put32(p.at(t, heapStatsGeneration), 1)
		for i, q := range []quantity{stacksSys, mspanSys, mcacheSys, buckhashSys, gcMiscSys, otherSys} {
			p.memory.put64(p.at(t, q), 1<<i)
		}
		s := p.read(t)
		assert.Equal(t, int64(11*300), s.stacks)
		assert.Equal(t, int64(11*100_000+63-11*300), s.ints[memoryUsed], "released is no part of what is used")
		assert.Equal(t, int64(11*(50_000+5*16)), s.ints[memoryAllocated])
		assert.Equal(t, int64(11*(2+7+5)), s.ints[memoryAllocations])
		assert.Equal(t, int64(11*(20_000+3*16)), s.ints[heapFreed])
		assert.Equal(t, int64(11*(1+7+3)), s.ints[heapFrees])
		assert.Equal(t, int64(11*3), s.ints[heapObjects])
		objects := int64(11 * (30_000 + 2*16))
		assert.Equal(t, [numMemoryClasses]int64{
			11*(100_000-60_000-300-40) - pointerBits, objects, 11 * 200, 11 * 300, 11*60_000 - objects,
			4, 2, 11*40 + pointerBits + 16, 1, 32, 8,
		}, s.classes)
	}
}

func TestReadCollectorAndScheduler(t *testing.T) {
	p := newProcess(t, 26)
	p.memory.put64(p.at(t, gcPercentHeapGoal), 4<<20)
	p.memory.put32(p.at(t, completedCycles), math.MaxUint32)
	p.memory.put32(p.at(t, maxProcs), 8)
	p.memory.put32(p.at(t, gcPercent), 100)
	p.memory.put64(p.at(t, timeToRun)+8*3, 5)
	p.memory.put64(p.at(t, stopTheWorldGC)+8*161, 6)
	p.memory.put64(p.at(t, stopTheWorldOther), 7)
	p.memory.put64(p.at(t, stoppingGC), 8)
	p.memory.put64(p.at(t, stoppingOther), 9)
	p.memory.put64(p.at(t, heapMarked), 5<<20)
	for i := range uint64(numCPUClasses) {
		p.memory.put64(p.at(t, cpuTimes)+8*i, i)
	}
	s := p.read(t)
	assert.Equal(t, int64(4<<20), s.ints[memoryGCGoal])
	assert.Equal(t, int64(math.MaxUint32), s.ints[memoryGCCycles])
	assert.Equal(t, int64(8), s.ints[processorLimit])
	assert.Equal(t, int64(100), s.ints[configGOGC])
	assert.Equal(t, int64(math.MaxInt64), s.ints[memoryLimit])
	assert.Equal(t, int64(5<<20), s.ints[heapLive])
	assert.Equal(t, [numCPUClasses]int64{0, 1, 2, 3, 4, 5, 6, 7}, s.cpu)
	assert.Equal(t, uint64(5), s.schedule[4])
	assert.Equal(t, uint64(7), s.otherPauses[1])
	assert.Equal(t, uint64(8), s.stoppingGC[1])
	assert.Equal(t, uint64(9), s.stoppingOther[1])
	assert.Equal(t, uint64(6), s.pauses[161])
}

func TestReadGOGCOff(t *testing.T) {
	p := newProcess(t, 26)
	p.memory.put32(p.at(t, gcPercent), math.MaxUint32) // -1
	assert.Equal(t, int64(math.MaxInt64), p.read(t).ints[configGOGC], "as runtime/metrics and contrib have it")
}

func TestReadGoroutines(t *testing.T) {
	for minor, want := range map[int]int64{23: 1000 - 30 - 4 - 5 - 6, 24: 1000 - 30 - 4 - 5 - 6, 25: 1000 - 30 - 7 - 4 - 5 - 6, 26: 1000 - 30 - 7 - 5 - 6} {
		p := newProcess(t, minor)
		p.putGoroutines(t, 1000)
		assert.Equal(t, want, p.read(t).ints[goroutineCount], "go1.%d", minor)
	}
}

// putGoroutines sets 30 (and 7) free goroutines, 4 of the system, and two
// processors with 5 and 6 free ones.
func (p *process) putGoroutines(tb testing.TB, all uint64) {
	tb.Helper()
	const array, first, second = 0x10000, 0x20000, 0x30000
	p.memory.put64(p.at(tb, allGoroutines), all)
	p.memory.put32(p.at(tb, freeWithStack), 30)
	if minor, err := minorVersion(p.binary.version); err == nil && minor >= 25 {
		p.memory.put32(p.at(tb, freeWithoutStack), 7)
	}
	p.memory.put32(p.at(tb, systemGoroutines), 4)
	p.memory.put64(p.at(tb, allProcessors), array)
	p.memory.put64(p.at(tb, allProcessors)+8, 2)
	p.memory.put64(array, first)
	p.memory.put64(array+8, second)
	p.memory.put32(first+fakeFree, 5)
	p.memory.put32(second+fakeFree, 6)
	p.memory.put64(first+fakeCreated, 50)
	p.memory.put64(second+fakeCreated, 60)
	p.reader.maxGoroutines = 0 // there are none in the list
}

func TestReadCreatedGoroutines(t *testing.T) {
	p := newProcess(t, 26)
	p.putGoroutines(t, 1000)
	p.memory.put64(p.at(t, createdGoroutines), 7)
	s := p.read(t)
	assert.Equal(t, int64(117), s.ints[goroutinesCreated])
	assert.Equal(t, int64(1000), s.Unread())
}

func TestReadMutexWait(t *testing.T) {
	const first, second = 0x10000, 0x20000
	for minor, want := range map[int]int64{21: 1, 22: 1 + 10 + 100 + 1000, 26: 1 + 10 + 100 + 1000} {
		p := newProcess(t, minor)
		p.memory.put64(p.at(t, mutexWaitTime), 1)
		if minor >= 22 {
			p.memory.put64(p.at(t, runtimeLockWaitTime), 10)
			p.memory.put64(p.at(t, allThreads), first)
		}
		p.memory.put64(first+fakeNext, second)
		p.memory.put64(first+fakeLockWait, 100)
		p.memory.put64(second+fakeLockWait, 1000)
		assert.Equal(t, want, p.read(t).ints[mutexWait], "go1.%d", minor)
	}
}

func TestReadOfThreadsWithoutEnd(t *testing.T) {
	p := newProcess(t, 26)
	p.memory.put64(p.at(t, allThreads), 0x10000)
	p.memory.put64(0x10000+fakeNext, 0x10000)
	require.ErrorIs(t, p.reader.Read(&Snapshot{}), ErrImplausible)
}

// putList makes n goroutines of a status and a reason to wait each.
func (p *process) putList(tb testing.TB, n int, status uint32, reason byte) {
	tb.Helper()
	const list, goroutines, gap = 0x100000, 0x200000, 0x100
	p.memory.put64(p.at(tb, goroutineList), list)
	for i := range uint64(n) {
		p.memory.put64(list+8*i, goroutines+gap*i)
		p.memory.put32(goroutines+gap*i+fakeStatus, status)
		p.memory.putBytes(goroutines+gap*i+fakeWaitReason, []byte{reason})
	}
	p.memory.put64(p.at(tb, allGoroutines), uint64(n))
}

func TestReadGoroutineStates(t *testing.T) {
	p := newProcess(t, 26)
	p.reader.maxGoroutines = 2 * goroutineChunk
	for status, want := range map[uint32][numStates]int64{
		0: {}, gRunnable: {stateRunnable: 600}, gRunning: {stateRunning: 600}, gSyscall | gScan: {stateSyscall: 600},
		gWaiting: {stateWaiting: 600}, gWaiting | gScan: {stateWaiting: 600}, gPreempted: {stateWaiting: 600}, 6: {}, 11: {}, 1 << 30: {},
	} {
		p.putList(t, 600, status, 14) // more than a chunk
		s := p.read(t)
		assert.Equal(t, want, s.states, "status %#x", status)
		waiting := int64(0)
		if status&^gScan == gWaiting {
			waiting = 600
		}
		assert.Equal(t, waiting, s.waits[14], "status %#x", status)
	}
}

// The list moves while it is read: what stood there is of no use.
func TestReadOfGoroutinesWhoseListMoves(t *testing.T) {
	p := newProcess(t, 26)
	p.memory.put64(p.at(t, goroutineList), 0x80000) // where there is nothing any more
	p.memory.put64(p.at(t, allGoroutines), 5)
	p.memory.before = func(read int) {
		if read == 3 { // the first two are of the variables and of the list
			p.putList(t, 7, gWaiting, 14)
		}
	}
	s := p.read(t)
	assert.Equal(t, [numStates]int64{stateWaiting: 7}, s.states)

	p = newProcess(t, 26)
	p.memory.put64(p.at(t, goroutineList), 0x80000)
	p.memory.put64(p.at(t, allGoroutines), 5)
	require.ErrorIs(t, p.reader.Read(&Snapshot{}), ErrImplausible, "it stays where it is, and is none")

	p = newProcess(t, 26)
	p.memory.put64(p.at(t, allGoroutines), 5)
	p.memory.before = func(read int) { p.memory.put64(p.at(t, goroutineList), uint64(read)<<20) }
	require.ErrorIs(t, p.reader.Read(&Snapshot{}), ErrUnsettled)
}

func TestReadNeverCountsLessThanOneGoroutine(t *testing.T) {
	p := newProcess(t, 26)
	p.putGoroutines(t, 3)
	assert.Equal(t, int64(1), p.read(t).ints[goroutineCount])
}

func TestReadWaitsUntilTheHeapStatisticsAreSettled(t *testing.T) {
	p := newProcess(t, 26)
	old := p.at(t, heapStats) + fakeDeltaSize // the one after the current, which must be empty
	p.memory.put64(old+fakeLargeAlloc, 1000)
	p.memory.before = func(read int) {
		if read == 3 {
			p.memory.put64(old+fakeLargeAlloc, 0)
			p.memory.put64(p.at(t, heapStats)+fakeLargeAlloc, 1000)
		}
	}
	assert.Equal(t, int64(1000), p.read(t).ints[memoryAllocated])
}

func TestReadGivesUpOnUnsettledStatistics(t *testing.T) {
	for name, unsettle := range map[string]func(p *process){
		"rotation":        func(p *process) { p.memory.put64(p.at(t, heapStats)+fakeDeltaSize, 1) },
		"no generation":   func(p *process) { p.memory.put32(p.at(t, heapStatsGeneration), 3) },
		"mapped too much": func(p *process) { p.memory.put64(p.at(t, heapFree), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, 26)
			unsettle(p)
			require.ErrorIs(t, p.reader.Read(&Snapshot{}), ErrUnsettled)
			assert.Equal(t, attempts, p.memory.reads)
		})
	}
}

func TestReadOfTooManyProcessors(t *testing.T) {
	for _, length := range []uint64{maxProcessors + 1, math.MaxInt64, math.MaxUint64} {
		p := newProcess(t, 26)
		p.memory.put64(p.at(t, allProcessors)+8, length)
		require.ErrorIs(t, p.reader.Read(&Snapshot{}), ErrImplausible)
		assert.Less(t, p.memory.asked, 16<<10)
	}
}

func TestReadOfWhatIsNoRunningGoProgram(t *testing.T) {
	for name, change := range map[string]func(p *process){
		"nothing yet":         func(p *process) { p.memory.bytes = nil },
		"no processors":       func(p *process) { p.memory.put32(p.at(t, maxProcs), 0) },
		"too many processors": func(p *process) { p.memory.put32(p.at(t, maxProcs), maxProcessors+1) },
		"no class 0":          func(p *process) { p.memory.putBytes(p.at(t, classSizes), []byte{8, 0, 16, 0}) },
		"shrinking classes":   func(p *process) { p.memory.putBytes(p.at(t, classSizes), []byte{0, 0, 0, 0}) },
		"odd classes":         func(p *process) { p.memory.putBytes(p.at(t, classSizes), []byte{0, 0, 9, 0}) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t, 26)
			change(p)
			require.ErrorIs(t, p.reader.Read(&Snapshot{}), ErrImplausible)
		})
	}
}

func TestReadFollowsTheNumberOfProcessors(t *testing.T) {
	p := newProcess(t, 26)
	p.putGoroutines(t, 1000)
	two := p.read(t).ints[goroutineCount]
	p.memory.put64(p.at(t, allProcessors)+8, 1)
	assert.Equal(t, two+6, p.read(t).ints[goroutineCount])
	p.memory.put64(p.at(t, allProcessors)+8, 2)
	assert.Equal(t, two, p.read(t).ints[goroutineCount])
}

func TestReadOfAProcessThatIsGone(t *testing.T) {
	r := NewReader(Resolve(newFakeBinary(26)), gone{}, 0, 100)
	require.ErrorIs(t, r.Read(&Snapshot{}), procmem.ErrGone)
}

type gone struct{}

func (gone) ReadRanges([]procmem.Range) error { return procmem.ErrGone }

// FuzzRead reads processes in which some quantities are anything: it must end,
// having asked for little, with values or an error. Each nine bytes of the input
// are the number of a quantity and a value.
func FuzzRead(f *testing.F) {
	f.Add(24, []byte{})
	f.Add(26, append([]byte{byte(allProcessors)}, 0, 16, 0, 0, 0, 0, 0, 0))
	f.Add(26, append([]byte{byte(allGoroutines)}, 255, 255, 255, 255, 255, 255, 255, 255))
	f.Add(22, append([]byte{byte(allThreads)}, 0, 0, 1, 0, 0, 0, 0, 0))
	f.Add(21, append([]byte{byte(goroutineList)}, 0, 0, 1, 0, 0, 0, 0, 0, byte(allGoroutines), 9, 0, 0, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, minor int, patches []byte) {
		if minor < oldestMinor || minor > newestMinor {
			return
		}
		p := newProcess(t, minor)
		for ; len(patches) >= 9; patches = patches[9:] {
			q := quantity(patches[0] % numQuantities)
			if _, ok := q.origin(minor); ok {
				p.memory.putBytes(p.at(t, q), patches[1:9])
				p.memory.putBytes(p.at(t, q)+8, patches[1:9]) // the length of allp
			}
		}
		err := p.reader.Read(&Snapshot{})
		if bound := attempts*(16<<10) + 20*maxProcessors + 16*maxThreads + 100*(8+16); p.memory.asked > bound {
			t.Fatalf("asked for %d bytes, bound %d, then %v", p.memory.asked, bound, err)
		}
	})
}
