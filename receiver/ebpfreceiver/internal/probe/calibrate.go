// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/cilium/ebpf/link"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// What is imitated is a server's request now and then: a CPU that was idle, and other
// work between two hits. A hit costs several times more then than in a loop of nothing
// but hits, since neither the kernel's code nor its data are in the caches.
const (
	calibrationRequests = 25
	calibrationPause    = 2 * time.Millisecond
	calibrationHits     = 8        // of each request
	calibrationWork     = 64 << 10 // bytes that are read between two hits
	cacheLine           = 64
)

// HitCost measures what a hit of a probe costs on this machine beside the time that its
// program runs, which is counted: it probes a function of this very process, on the kind
// of instruction that all probes stand on, and calls it. Machines differ by more than an
// order of magnitude.
func (p *Programs) HitCost() (cost time.Duration, err error) {
	const self = "/proc/self/exe"
	offset, err := calibratedOffset(self)
	if err != nil {
		return 0, fmt.Errorf("measuring what a probe costs: %w", err)
	}
	executable, err := link.OpenExecutable(self)
	if err != nil {
		return 0, fmt.Errorf("measuring what a probe costs: %w", err)
	}
	slot, err := p.slots.take()
	if err != nil {
		return 0, fmt.Errorf("measuring what a probe costs: %w", err)
	}
	defer p.slots.give(slot)
	if !p.has.cookies {
		// The programs look for the slot in the description of the process.
		own := Target{PID: os.Getpid(), Events: NoEvents(), Plan: &plan.Plan{}}
		if err := p.spans.Processes.Put(uint32(own.PID), describe(own, slot)); err != nil {
			return 0, fmt.Errorf("measuring what a probe costs: %w", err)
		}
		defer func() { err = errors.Join(err, ignoreMissing(p.spans.Processes.Delete(uint32(own.PID)))) }()
	}
	without := timeCalls()
	l, err := p.uprobe(executable, p.scheduler.GoroutineStatus, os.Getpid(), offset, uint64(slot))
	if err != nil {
		return 0, fmt.Errorf("measuring what a probe costs: %w", err)
	}
	with := timeCalls()
	hits, err := p.hits(slot)
	if err == nil && hits.Scheduler.Count != calibrationRequests*calibrationHits {
		err = fmt.Errorf("%d calls made %d hits", calibrationRequests*calibrationHits, hits.Scheduler.Count)
	}
	if err := errors.Join(err, l.Close()); err != nil {
		return 0, fmt.Errorf("measuring what a probe costs: %w", err)
	}
	program := hits.Scheduler.Time / (calibrationRequests * calibrationHits)
	return max(with-without-program, leastHit), nil
}

// leastHit is what no machine beats, whatever else disturbed the measurement: in a loop of
// nothing but hits one costs more on all that were tried.
const leastHit = 300 * time.Nanosecond

func calibratedOffset(executable string) (offset uint64, err error) {
	binary, err := goexec.Open(executable)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, binary.Close()) }()
	f, err := binary.Function("github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe.calibrated")
	if err != nil {
		return 0, err
	}
	return binary.ProbePoint(f)
}

// timeCalls is the median of some requests, for one call: what else runs on the machine
// makes a few longer.
func timeCalls() time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	work := make([]byte, calibrationWork)
	var sum uintptr // the calls are for their hits, but a compiler may not know
	requests := make([]time.Duration, calibrationRequests)
	for i := range requests {
		time.Sleep(calibrationPause)
		began := time.Now()
		for call := range uintptr(calibrationHits) {
			sum += calibrated(call, 0, goRunning)
			for at := 0; at < len(work); at += cacheLine {
				sum += uintptr(work[at])
			}
		}
		requests[i] = time.Since(began) / calibrationHits
	}
	runtime.KeepAlive(sum)
	slices.Sort(requests)
	return requests[len(requests)/2]
}

// goRunning is GO_RUNNING of bpf/headers/golang.h: the state for which the
// program looks up most.
const goRunning = 2

// calibrated has the arguments of runtime.casgstatus, and a frame.
//
//go:noinline
func calibrated(g, from, to uintptr) uintptr { return framed(g) + from + to }

//go:noinline
func framed(g uintptr) uintptr { return g + 1 }
