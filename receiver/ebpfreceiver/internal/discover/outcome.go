// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"sync/atomic"
)

// Outcome is what became of a process that was examined. Each examination has
// one; a process is examined when it appears, and again when it executes.
type Outcome uint8

const (
	// Watched: a Go process of a target.
	Watched Outcome = iota
	// Unselected: no target selects it or, without targets, it is not Go.
	Unselected
	// KernelThread: it has no executable.
	KernelThread
	// Self: it is this process.
	Self
	// NotGo: a target selects it, but its executable is not Go's.
	NotGo
	// Vanished: it ended, or executed, before the examination was done.
	Vanished
	// Permission: the kernel refused (hidepid, or no CAP_SYS_PTRACE).
	Permission
	// Unreadable: /proc had of it what cannot be understood.
	Unreadable

	// NumOutcomes is the number of outcomes.
	NumOutcomes = 8
)

// String is the outcome's name as the attribute of a counter.
func (o Outcome) String() string {
	switch o {
	case Watched:
		return "watched"
	case Unselected:
		return "unselected"
	case KernelThread:
		return "kernel_thread"
	case Self:
		return "self"
	case NotGo:
		return "not_go"
	case Vanished:
		return "vanished"
	case Permission:
		return "permission"
	case Unreadable:
		return "unreadable"
	default:
		return fmt.Sprintf("outcome(%d)", uint8(o))
	}
}

// counts holds the number of examinations by outcome. It is safe for
// concurrent use.
type counts [NumOutcomes]atomic.Uint64

func (c *counts) add(o Outcome) { c[o].Add(1) }
