// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// SampleCPUs begins to sample what the attached processes do on each CPU, once
// every period of time that the CPU's clock runs. It ends with Close. CPUs that
// are offline now are left out.
func (p *Programs) SampleCPUs(period time.Duration) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("counting the CPUs to sample: %w", err)
	}
	for cpu := range cpus {
		err := p.sampleCPU(cpu, period)
		if errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return explain(errors.Join(fmt.Errorf("sampling CPU %d: %w", cpu, err), p.stopTimers()))
		}
	}
	return nil
}

// sampleCPU opens the software event of one CPU's clock (perf_event_open(2)): it
// is there in virtual machines too, which seldom have the hardware's counters.
func (p *Programs) sampleCPU(cpu int, period time.Duration) error {
	timer, err := cpuClock(p.profile.CpuSample, cpu, period, unix.PerfBitExcludeIdle)
	if err != nil {
		return err
	}
	p.timers = append(p.timers, timer)
	return nil
}

// cpuClock has a program run once every period of a CPU's clock, until the file
// that it returns is closed.
func cpuClock(program *ebpf.Program, cpu int, period time.Duration, bits uint64) (file int, err error) {
	attributes := unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_SOFTWARE,
		Config: unix.PERF_COUNT_SW_CPU_CLOCK,
		Size:   uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Sample: uint64(period),
		Bits:   bits,
	}
	file, err = unix.PerfEventOpen(&attributes, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("opening the event of its clock: %w", err)
	}
	if err := unix.IoctlSetInt(file, unix.PERF_EVENT_IOC_SET_BPF, program.FD()); err != nil {
		return -1, errors.Join(fmt.Errorf("attaching %s: %w", program, err), unix.Close(file))
	}
	return file, nil
}

// stopTimers detaches the program from the CPUs' clocks.
func (p *Programs) stopTimers() error {
	var errs []error
	for _, timer := range p.timers {
		errs = append(errs, unix.Close(timer))
	}
	p.timers = nil
	return errors.Join(errs...)
}
