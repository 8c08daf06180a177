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

const (
	calibrationRounds = 9
	calibrationCalls  = 200
)

// HitCost measures what a hit of a probe on the Go scheduler costs on this
// machine: it probes a function of this very process, on the kind of instruction
// that all probes stand on, and calls it. Machines differ by more than an order
// of magnitude.
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
	if err == nil && hits.Scheduler != calibrationRounds*calibrationCalls {
		err = fmt.Errorf("%d calls made %d hits", calibrationRounds*calibrationCalls, hits.Scheduler)
	}
	if err := errors.Join(err, l.Close()); err != nil {
		return 0, fmt.Errorf("measuring what a probe costs: %w", err)
	}
	return max(with-without, 1), nil
}

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

// timeCalls is the shortest of some rounds of calls, for one call: whatever else
// runs on the machine can only make a round longer.
func timeCalls() time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var sum uintptr // the calls are for their hits, but a compiler may not know
	rounds := make([]time.Duration, calibrationRounds)
	for i := range rounds {
		began := time.Now()
		for call := range uintptr(calibrationCalls) {
			sum += calibrated(call, 0, goRunning)
		}
		rounds[i] = time.Since(began) / calibrationCalls
	}
	runtime.KeepAlive(sum)
	return slices.Min(rounds)
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
