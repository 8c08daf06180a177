// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package vitals

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Throttling of a cgroup by its limit of CPU time (cpu.max).
type Throttling struct {
	// Periods in which it ran, and those in which it was stopped for the rest.
	Periods, Throttled uint64
	// Time for which it was stopped, summed over CPUs.
	Time time.Duration
}

// parseThrottling reads cpu.stat: throttled_usec of version 2, throttled_time in
// nanoseconds of version 1 (Documentation/admin-guide/cgroup-v2.rst,
// Documentation/scheduler/sched-bwc.rst). Without the controller there is none.
func parseThrottling(content string) (Throttling, error) {
	var t Throttling
	for line := range strings.Lines(content) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch name {
		case "nr_periods", "nr_throttled", "throttled_usec", "throttled_time":
		default:
			continue
		}
		value, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return Throttling{}, fmt.Errorf("reading %s of cpu.stat: %w", name, err)
		}
		switch name {
		case "nr_periods":
			t.Periods = value
		case "nr_throttled":
			t.Throttled = value
		case "throttled_usec":
			t.Time = time.Duration(value) * time.Microsecond
		case "throttled_time":
			t.Time = time.Duration(value)
		}
	}
	return t, nil
}

// less is what was added since another reading; all of it where the cgroup was
// made anew under its name.
func (t Throttling) less(before Throttling) Throttling {
	if t.Periods < before.Periods || t.Throttled < before.Throttled || t.Time < before.Time {
		return t
	}
	return Throttling{t.Periods - before.Periods, t.Throttled - before.Throttled, t.Time - before.Time}
}

func (t Throttling) plus(more Throttling) Throttling {
	return Throttling{t.Periods + more.Periods, t.Throttled + more.Throttled, t.Time + more.Time}
}

// Faults are the page faults of a process since it started: a major one waited
// for a disk, a minor one did not.
type Faults struct{ Major, Minor uint64 }

// parseFaults reads /proc/<pid>/stat: minflt is its tenth field and majflt its
// twelfth (proc_pid_stat(5)). The second, in parentheses, may hold anything.
func parseFaults(content string) (Faults, error) {
	const minor, major = 10 - 3, 12 - 3 // counted from the third
	fields := strings.Fields(content[strings.LastIndexByte(content, ')')+1:])
	if len(fields) <= major {
		return Faults{}, errors.New("reading the page faults: /proc/<pid>/stat is too short")
	}
	var faults Faults
	var errs [2]error
	faults.Minor, errs[0] = strconv.ParseUint(fields[minor], 10, 64)
	faults.Major, errs[1] = strconv.ParseUint(fields[major], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return Faults{}, fmt.Errorf("reading the page faults: %w", err)
	}
	return faults, nil
}
