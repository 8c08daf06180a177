// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
)

// examiner finds out what a process is.
type examiner struct {
	proc      *procfs
	targets   []Target
	self      int // the PID that is never watched; 0 for none
	boot      time.Time
	binaries  binaries
	listeners *listeners
	refusals  refusals
}

// examination is what one found.
type examination struct {
	outcome Outcome
	stat    stat
	link    string // of exe, as read; empty where it could not be
	image   image  // of a watched process
	process *Process
	// awaited: a target, or one before its own, selects it once it listens.
	awaited bool
}

// examine looks at a process, from the cheap questions to the costly ones, so
// that most processes are done with after two or three reads.
func (e *examiner) examine(pid int) examination {
	var x examination
	var err error
	if x.stat, err = e.proc.stat(pid); err != nil {
		return x.failed(err)
	}
	switch {
	case x.stat.kernelThread():
		return x.as(KernelThread)
	case x.stat.ended():
		return x.as(Vanished)
	case pid == e.self:
		return x.as(Self)
	}
	if x.link, err = e.proc.executable(pid); err != nil {
		return x.failed(err)
	}
	return e.examineUser(pid, x)
}

// examineUser continues with a process that has an executable.
func (e *examiner) examineUser(pid int, x examination) examination {
	executable := withoutDeleted(x.link)
	facts := &processFacts{proc: e.proc, listeners: e.listeners, pid: pid}
	selected, err := match(e.targets, pid, executable, facts)
	if err != nil {
		return x.failed(err)
	}
	if !selected.ok && !selected.awaited {
		return x.as(Unselected)
	}
	if x.image, err = e.binaries.inspect(e.proc.path(pid, "exe")); err != nil {
		return x.failed(err)
	}
	if x.image.notGo != nil {
		return x.as(e.refuse(selected, pid, executable, x.image.notGo))
	}
	x.awaited = selected.awaited
	if !selected.ok {
		return x.as(Unselected)
	}
	groups, err := facts.cgroups()
	if err != nil {
		return x.failed(err)
	}
	content, err := e.proc.read(pid, "environ")
	if err != nil {
		return x.failed(err)
	}
	x.process = newProcess(pid, x.stat, e.boot, executable, x.image.goVersion, parseEnvironment(content), groups)
	x.process.image = x.image.key
	if selected.index != NoTarget {
		x.process.setTarget(selected.index, e.targets[selected.index])
	}
	return e.confirm(pid, x)
}

// confirm sees that all that was read is of one program: the process may have
// executed another, or ended and given its PID away, in the meantime.
func (e *examiner) confirm(pid int, x examination) examination {
	now, err := e.proc.stat(pid)
	if err != nil {
		return x.failed(err)
	}
	link, err := e.proc.executable(pid)
	if err != nil {
		return x.failed(err)
	}
	if !now.sameProgram(x.stat) || withoutDeleted(link) != x.process.Executable {
		return x.as(Vanished)
	}
	return x.as(Watched)
}

// refuse tells once of an executable that a target names and that is not Go.
func (e *examiner) refuse(selected selection, pid int, executable string, why error) Outcome {
	if !selected.ok || selected.index == NoTarget || !e.targets[selected.index].explicit() {
		return Unselected
	}
	e.refusals.tell(executable, zap.Int("pid", pid), zap.Int("target", selected.index), zap.Error(why))
	return NotGo
}

func (x examination) as(o Outcome) examination {
	x.outcome = o
	if o != Watched {
		x.process = nil
	}
	return x
}

func (x examination) failed(err error) examination { return x.as(outcomeOf(err)) }

// withoutDeleted is the path that an exe link names.
func withoutDeleted(link string) string { return strings.TrimSuffix(link, " (deleted)") }

// refusals logs once for each executable.
type refusals struct {
	logger *zap.Logger
	told   map[string]struct{}
}

// maxRefusals bounds the log lines; further refusals are only counted.
const maxRefusals = 256

func (r *refusals) tell(executable string, fields ...zap.Field) {
	if _, ok := r.told[executable]; ok || len(r.told) >= maxRefusals {
		return
	}
	r.told[executable] = struct{}{}
	r.logger.Warn("The executable of a target is not a Go program and is not observed; narrow the target to leave it out",
		append(fields, zap.String("executable", executable))...)
}

// selfPID is the PID that is not to be watched in a proc tree: this process's
// own, which only the real tree has.
func selfPID(root string, include bool) int {
	if include || root != procRoot {
		return 0
	}
	return os.Getpid()
}
