// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
)

const (
	// lookPeriod is how often the clock of each CPU interrupts what runs there.
	lookPeriod = time.Millisecond
	// idlePeriod is how long the clocks run on: they may be switched on late where
	// the machine is busy.
	idlePeriod = 5 * time.Second
)

// What bpf/headers/executing.h keeps of the clocks (enum clock_state).
const (
	clocksRun    = 0
	clocksNeeded = 1
)

// Looks have the clocks of the CPUs tell the BPF programs when to look at goroutines
// that are in a span (bpf/looks), as long as there are any in processes whose ledgers
// are sampled. It is for one goroutine at a time.
type Looks struct {
	idle     time.Duration // for which the clocks run on when nobody is looked at
	expected atomic.Bool   // that there will be somebody soon
	programs *Programs
	ring     *ring
	clocks   []int // perf events of the CPUs' clocks, which are opened once they are needed
}

// Looks have no clock on until Run. There can be one.
func (p *Programs) Looks() (*Looks, error) {
	ring, err := openRing(p.spans.ClocksWanted, "ring buffer that asks for clocks")
	if err != nil {
		return nil, err
	}
	l := &Looks{programs: p, ring: ring, idle: idlePeriod}
	p.looker.Store(l)
	return l, nil
}

// expect switches the clocks on for a while: a process was attached.
func (l *Looks) expect() {
	l.expected.Store(true)
	l.ring.interrupt()
}

// Run switches the clocks on and off until ctx is done. It can be run again.
func (l *Looks) Run(ctx context.Context) (err error) {
	stop := context.AfterFunc(ctx, l.ring.interrupt)
	defer stop()
	defer func() { err = errors.Join(err, l.enable(false)) }()
	for ctx.Err() == nil {
		wanted, err := l.wanted()
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if err := l.enable(true); err != nil {
			return err
		}
		if err := l.untilIdle(ctx); err != nil {
			return err
		}
		if err := l.enable(false); err != nil {
			return err
		}
	}
	return nil
}

// wanted waits until a goroutine in a span executes, or is expected to. It is false
// where that was interrupted.
func (l *Looks) wanted() (bool, error) {
	if err := l.ring.wait(time.Now().Add(time.Hour), 1); err != nil {
		return false, fmt.Errorf("waiting for a goroutine in a span: %w", err)
	}
	wanted := l.expected.Swap(false)
	for { // it may be asked for many times
		asked, err := l.ring.next()
		if err != nil {
			return false, fmt.Errorf("reading whether a goroutine in a span was seen: %w", err)
		}
		if asked == nil {
			return wanted, nil
		}
		wanted = true
	}
}

// untilIdle returns when nobody was to be looked at for a while.
func (l *Looks) untilIdle(ctx context.Context) error {
	for before := uint64(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.idle):
		}
		var needed uint64
		if err := l.programs.spans.ClockStates.Lookup(uint32(clocksNeeded), &needed); err != nil {
			return fmt.Errorf("reading when clocks were needed: %w", err)
		}
		if needed == before {
			return nil
		}
		before = needed
	}
}

// enable switches the clocks on or off, and tells the programs.
func (l *Looks) enable(on bool) error {
	request := unix.PERF_EVENT_IOC_DISABLE
	if on {
		request = unix.PERF_EVENT_IOC_ENABLE
		if err := l.open(); err != nil {
			return explain(fmt.Errorf("having the CPUs' clocks tell when to look: %w", err))
		}
	}
	for _, clock := range l.clocks {
		if err := unix.IoctlSetInt(clock, uint(request), 0); err != nil {
			return fmt.Errorf("switching a CPU's clock: %w", err)
		}
	}
	since := uint64(0)
	if on {
		since = clock.Monotonic()
	}
	if err := l.programs.spans.ClockStates.Put(uint32(clocksRun), since); err != nil {
		return fmt.Errorf("telling the programs whether clocks run: %w", err)
	}
	return nil
}

// open makes the events of the clocks of all CPUs that are online.
func (l *Looks) open() error {
	if len(l.clocks) > 0 {
		return nil
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("counting the CPUs: %w", err)
	}
	for cpu := range cpus {
		clock, err := cpuClock(l.programs.looks.LookDue, cpu, lookPeriod, unix.PerfBitDisabled|unix.PerfBitExcludeIdle)
		if errors.Is(err, unix.ENODEV) { // which is offline
			continue
		}
		if err != nil {
			return errors.Join(err, l.closeClocks())
		}
		l.clocks = append(l.clocks, clock)
	}
	return nil
}

func (l *Looks) closeClocks() error {
	var errs []error
	for _, clock := range l.clocks {
		errs = append(errs, unix.Close(clock))
	}
	l.clocks = nil
	return errors.Join(errs...)
}

// Close frees the clocks. Run has ended.
func (l *Looks) Close() error {
	l.programs.looker.Store(nil)
	return errors.Join(l.closeClocks(), l.ring.Close())
}
