// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package vitals

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"
)

// Process reads one process, again and again. It is not safe for concurrent use.
type Process struct {
	directory   string // /proc/<pid>
	hierarchies Hierarchies
	read        time.Time          // last
	cgroups     map[string]*cgroup // by path; those of the last reading
	faults      Faults
}

// cgroup is what was read of one: at last, and in all since the first reading.
type cgroup struct {
	last, total, added Throttling
	began              time.Time
}

// Throttled is a cgroup that was throttled between two readings.
type Throttled struct {
	Path       string
	Start, End time.Time
	Throttling
}

// Paging is the page faults of a process between two readings.
type Paging struct {
	Start, End time.Time
	Faults
}

// NewProcess takes a first reading, from which the others count.
func NewProcess(hierarchies Hierarchies, pid int, now time.Time) (*Process, error) {
	p := &Process{directory: "/proc/" + strconv.Itoa(pid) + "/", hierarchies: hierarchies}
	_, _, err := p.Read(now)
	return p, err
}

// Read takes a reading. It returns the cgroups that were throttled since the
// last one, and the page faults.
func (p *Process) Read(now time.Time) ([]Throttled, Paging, error) {
	paging, err := p.readFaults(now)
	if err != nil {
		return nil, Paging{}, err
	}
	content, err := os.ReadFile(p.directory + "cgroup")
	if err != nil {
		return nil, Paging{}, fmt.Errorf("reading the cgroups: %w", err)
	}
	before := p.cgroups
	p.cgroups = make(map[string]*cgroup, len(before))
	var throttled []Throttled
	for _, level := range p.hierarchies.levels(string(content)) {
		read, err := readThrottling(level.directory)
		if err != nil {
			return nil, Paging{}, err
		}
		group := next(before[level.path], read, now)
		p.cgroups[level.path] = group
		if group.added.Throttled > 0 {
			throttled = append(throttled, Throttled{level.path, p.read, now, group.added})
		}
	}
	p.read = now
	return throttled, paging, nil
}

// next is the state of a cgroup after one more reading.
func next(before *cgroup, read Throttling, now time.Time) *cgroup {
	if before == nil {
		return &cgroup{last: read, began: now}
	}
	added := read.less(before.last)
	return &cgroup{last: read, added: added, total: before.total.plus(added), began: before.began}
}

// readThrottling of a cgroup that is gone, or has no such controller, is none.
func readThrottling(directory string) (Throttling, error) {
	content, err := os.ReadFile(directory + "/cpu.stat")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		return Throttling{}, nil
	}
	if err != nil {
		return Throttling{}, fmt.Errorf("reading how a cgroup was throttled: %w", err)
	}
	return parseThrottling(string(content))
}

func (p *Process) readFaults(now time.Time) (Paging, error) {
	content, err := os.ReadFile(p.directory + "stat")
	if err != nil {
		return Paging{}, fmt.Errorf("reading the page faults: %w", err)
	}
	faults, err := parseFaults(string(content))
	if err != nil {
		return Paging{}, err
	}
	added := Faults{Major: faults.Major - p.faults.Major, Minor: faults.Minor - p.faults.Minor}
	p.faults = faults
	return Paging{p.read, now, added}, nil
}
