// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"fmt"
	"strings"
)

// Cause is one reason for which time passes on a goroutine. The numbers are
// shared with bpf/headers/ledger.h: a test compares the two.
type Cause uint8

const (
	// OnCPU: the goroutine's thread executed on a CPU, outside of any cause below.
	OnCPU Cause = iota
	// Runnable: the goroutine was ready and waited for a P.
	Runnable
	// OSRunqueue: the goroutine's thread was ready and waited for a CPU: the
	// goroutine held a P, or was in a system call.
	OSRunqueue
	// SyscallFile: in a system call on a file or directory.
	SyscallFile
	// SyscallNetwork: in a system call on a socket.
	SyscallNetwork
	// SyscallOther: in any other system call.
	SyscallOther
	// BlockedNetwork: parked until a descriptor is ready (the netpoller), or on
	// the connection or the answer that another goroutine of a net/http or gRPC
	// client will hand over.
	BlockedNetwork
	// BlockedChannel: parked on a channel send or receive.
	BlockedChannel
	// BlockedSelect: parked in a select.
	BlockedSelect
	// BlockedMutex: parked on a sync.Mutex or sync.RWMutex.
	BlockedMutex
	// BlockedSync: parked on a WaitGroup, Cond or semaphore.
	BlockedSync
	// Sleep: parked in time.Sleep.
	Sleep
	// GCAssist: marking for the garbage collector, or parked until it allows to allocate.
	GCAssist
	// StopTheWorld: ready to run, with the collector, or stopping the others, while
	// the world was stopped.
	StopTheWorld
	// Unattributed: what no probe explained. Never hidden.
	Unattributed

	// NumCauses is the number of causes.
	NumCauses = 15
)

// AttributePrefix begins the name of each span attribute of the ledger.
const AttributePrefix = "fathom.time."

// String is the cause's name as it appears in attributes, such as blocked.mutex.
func (c Cause) String() string { return c.Attribute()[len(AttributePrefix):] }

// Attribute is the name of the span attribute that holds the cause's nanoseconds:
// a constant, as each span that a ledger is written onto asks for some.
func (c Cause) Attribute() string {
	switch c {
	case OnCPU:
		return AttributePrefix + "on_cpu"
	case Runnable:
		return AttributePrefix + "runnable"
	case OSRunqueue:
		return AttributePrefix + "os_runqueue"
	case SyscallFile:
		return AttributePrefix + "syscall.file"
	case SyscallNetwork:
		return AttributePrefix + "syscall.network"
	case SyscallOther:
		return AttributePrefix + "syscall.other"
	case BlockedNetwork:
		return AttributePrefix + "blocked.network"
	case BlockedChannel:
		return AttributePrefix + "blocked.channel"
	case BlockedSelect:
		return AttributePrefix + "blocked.select"
	case BlockedMutex:
		return AttributePrefix + "blocked.mutex"
	case BlockedSync:
		return AttributePrefix + "blocked.sync"
	case Sleep:
		return AttributePrefix + "sleep"
	case GCAssist:
		return AttributePrefix + "gc_assist"
	case StopTheWorld:
		return AttributePrefix + "stop_the_world"
	case Unattributed:
		return AttributePrefix + "unattributed"
	default:
		return fmt.Sprintf(AttributePrefix+"cause(%d)", uint8(c))
	}
}

// ParseCause reads a cause's name, with or without AttributePrefix.
func ParseCause(name string) (Cause, error) {
	switch strings.TrimPrefix(name, AttributePrefix) {
	case "on_cpu":
		return OnCPU, nil
	case "runnable":
		return Runnable, nil
	case "os_runqueue":
		return OSRunqueue, nil
	case "syscall.file":
		return SyscallFile, nil
	case "syscall.network":
		return SyscallNetwork, nil
	case "syscall.other":
		return SyscallOther, nil
	case "blocked.network":
		return BlockedNetwork, nil
	case "blocked.channel":
		return BlockedChannel, nil
	case "blocked.select":
		return BlockedSelect, nil
	case "blocked.mutex":
		return BlockedMutex, nil
	case "blocked.sync":
		return BlockedSync, nil
	case "sleep":
		return Sleep, nil
	case "gc_assist":
		return GCAssist, nil
	case "stop_the_world":
		return StopTheWorld, nil
	case "unattributed":
		return Unattributed, nil
	default:
		return 0, fmt.Errorf("%q is no cause of the time ledger", name)
	}
}
