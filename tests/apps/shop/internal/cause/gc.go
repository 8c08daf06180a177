// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// ballastMiB of pointers stay alive: each collection must visit them all,
	// which takes a few milliseconds.
	ballastMiB    = 8
	chunkPointers = 128 << 10
	// pressurePercent is GOGC while a request asks for pressure: a collection
	// starts as soon as there is garbage, and has hardly any room to end in.
	pressurePercent = 1
	// Garbage is made in large pieces: many bytes, for each of which the
	// runtime charges marking work, in little time of the allocating code.
	garbageBytes = 8 << 10
	garbageBurst = 16
	// napShare of the time is spent in naps, because of the limiter (see run).
	napShare = 0.25
	// assistShare of the asked time is spent in mark assists at least.
	assistShare = 0.6
	// maxStretch bounds a call to so many times of what was asked.
	maxStretch = 5
	// helperNap is how long the helper stays in one system call: less than the
	// 10 ms after which sysmon takes its P away.
	helperNap = time.Millisecond
)

type leaf struct{ next *leaf }

// pressure makes the garbage collector charge its work to the goroutine that
// allocates.
type pressure struct {
	ballast [][]*leaf
	garbage atomic.Pointer[[]byte]
	changes chan int
	quit    chan struct{}
	owned   sync.WaitGroup
}

func newPressure() *pressure {
	p := &pressure{changes: make(chan int, 64), quit: make(chan struct{})}
	leaves := make([]leaf, 4096)
	for range ballastMiB << 20 / 8 / chunkPointers {
		chunk := make([]*leaf, chunkPointers)
		for i := range chunk {
			chunk[i] = &leaves[i%len(leaves)]
		}
		p.ballast = append(p.ballast, chunk)
	}
	p.owned.Go(p.setPercent)
	return p
}

// setPercent owns GOGC: low while at least one request asks for pressure. It is
// not the requests' own business because debug.SetGCPercent waits until the
// running collection has ended.
func (p *pressure) setPercent() {
	asking, normal := 0, 0
	for {
		select {
		case change := <-p.changes:
			before := asking
			asking += change
			switch {
			case before == 0 && asking > 0:
				normal = debug.SetGCPercent(pressurePercent)
			case before > 0 && asking == 0:
				debug.SetGCPercent(normal)
			}
		case <-p.quit:
			if asking > 0 {
				debug.SetGCPercent(normal)
			}
			return
		}
	}
}

// run makes garbage until a collection has ended, naps for a while, and again
// until d is over and mark assists have taken their share of it. So what a busy
// machine takes away in between makes the call longer, but the cause no smaller.
//
// The nap, and the helper, are owed to the runtime's limiter
// (runtime/mgclimit.go): where collections take more than half of the CPU time
// of all Ps that are not idle, and have done so for a second per P, it switches
// assists off, and this cause would be one no more after some dozens of requests.
func (p *pressure) run(_ context.Context, d time.Duration) error {
	p.changes <- 1
	defer func() { p.changes <- -1 }()
	var done atomic.Bool
	defer done.Store(true)
	p.owned.Go(func() { keepBusy(&done) })

	began, napped := time.Now(), time.Duration(0)
	first := readCollector()
	for now := first; !now.satisfies(first, d, time.Since(began)); {
		for last := now.cycles; now.cycles == last && time.Since(began) < maxStretch*d; now = readCollector() {
			p.litter()
		}
		// A busy machine makes naps longer than asked: that shortens the next.
		nappedAt := time.Now()
		if err := nap(time.Duration(napShare*float64(nappedAt.Sub(began))) - napped); err != nil {
			return err
		}
		napped += time.Since(nappedAt)
	}
	return nil
}

// collector is how far the garbage collector is.
type collector struct {
	// cycles that have ended.
	cycles uint64
	// assists of all goroutines in these cycles, in seconds.
	assists float64
}

// satisfies is true when there was enough of it since first, or too much time is over.
func (c collector) satisfies(first collector, d, elapsed time.Duration) bool {
	enough := elapsed >= d && c.assists-first.assists >= assistShare*d.Seconds()
	return enough || elapsed >= maxStretch*d
}

func readCollector() collector {
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}}
	metrics.Read(samples)
	return collector{cycles: samples[0].Value.Uint64(), assists: samples[1].Value.Float64()}
}

// litter makes garbage. Storing it is what keeps it on the heap.
func (p *pressure) litter() {
	for range garbageBurst {
		piece := make([]byte, garbageBytes)
		p.garbage.Store(&piece)
	}
}

// keepBusy naps until done.
func keepBusy(done *atomic.Bool) {
	for !done.Load() && nap(helperNap) == nil {
	}
}

// nap holds a P without using a CPU: it is in a system call that the scheduler
// does not know to be a nap, so that the limiter counts the P as the program's.
func nap(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	length := syscall.NsecToTimespec(int64(d))
	if err := syscall.Nanosleep(&length, nil); err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("napping: %w", err)
	}
	return nil
}

func (p *pressure) close() {
	close(p.quit)
	p.owned.Wait()
}
