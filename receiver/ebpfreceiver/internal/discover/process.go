// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"path"
	"time"
)

// Process is a Go process that a target selects. It does not change once made.
type Process struct {
	PID int
	// StartTime of the process, and the same in ticks of 10 ms since boot as
	// /proc/<pid>/stat has it. PID and StartTicks together name one process.
	StartTime  time.Time
	StartTicks uint64
	// Executable is the absolute path in the process's mount namespace; read
	// the file itself through /proc/<pid>/exe, which also works after it was
	// deleted or replaced.
	Executable     string
	ExecutableName string
	// GoVersion that built the executable, such as go1.26.8.
	GoVersion string
	// TargetIndex of Target among the configured ones; NoTarget, with a zero
	// Target, where none is configured.
	TargetIndex int
	Target      Target
	// ServiceName is the target's, else OTEL_SERVICE_NAME, else service.name
	// in OTEL_RESOURCE_ATTRIBUTES, else ExecutableName. The environment is the
	// one that the process was started with.
	ServiceName string
	// ResourceAttributes are those of OTEL_RESOURCE_ATTRIBUTES.
	ResourceAttributes map[string]string
	// ContainerID, 64 hex digits for most runtimes; empty outside of a container.
	ContainerID string
	// PodUID of the Kubernetes pod; empty outside of one, and in a static pod.
	PodUID string
	// CgroupPath in the cgroup v2 hierarchy; empty without one.
	CgroupPath string

	startStack uint64  // tells an execve, as in stat
	image      fileKey // of the executable
}

// fileKey names one content of one file: an executable that is rebuilt in
// place has another one.
type fileKey struct {
	device, inode  uint64
	size, modified int64 // bytes, and ns since 1970
}

// SameProgram tells whether two findings are of one process that executed nothing
// in between.
func (p *Process) SameProgram(as *Process) bool {
	return p.PID == as.PID && p.StartTicks == as.StartTicks && p.startStack == as.startStack && p.image == as.image
}

// EventKind says what happened to a process.
type EventKind uint8

const (
	// Started: the process was found, or has executed this executable.
	Started EventKind = iota
	// Stopped: the process has ended, or has executed another executable.
	Stopped
	// Listed: all processes that were there when the watcher began have been told
	// of. It comes once, and is of no process.
	Listed
)

// String is the kind in lower case.
func (k EventKind) String() string {
	switch k {
	case Started:
		return "started"
	case Stopped:
		return "stopped"
	default:
		return "listed"
	}
}

// Event tells of one process. Each Started is followed by one Stopped with the
// same Process, unless the watcher ends first.
type Event struct {
	Kind    EventKind
	Process *Process
}

// newProcess puts together what is known of a process.
func newProcess(pid int, started stat, boot time.Time, executable, goVersion string, env environment, groups cgroups) *Process {
	p := &Process{
		PID:                pid,
		StartTime:          started.startTime(boot),
		StartTicks:         started.startTicks,
		startStack:         started.startStack,
		Executable:         executable,
		ExecutableName:     path.Base(executable),
		GoVersion:          goVersion,
		TargetIndex:        NoTarget,
		ResourceAttributes: env.resourceAttributes,
		ContainerID:        groups.containerID(),
		PodUID:             groups.podUID(),
		CgroupPath:         groups.unified(),
	}
	p.ServiceName = firstOf(env.serviceName, env.resourceAttributes["service.name"], p.ExecutableName)
	return p
}

// setTarget notes the target that selects the process.
func (p *Process) setTarget(index int, t Target) {
	p.TargetIndex, p.Target = index, t
	p.ServiceName = firstOf(t.ServiceName, p.ServiceName)
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
