// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"golang.org/x/exp/trace"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// condition is all that decides to which cause a goroutine's time goes.
type condition struct {
	state trace.GoState
	// why it waits or which system call it makes; meaningless in other states.
	why ledger.Cause
	// assisting is true inside a mark assist.
	assisting bool
	// stopping is true while this goroutine keeps the world stopped.
	stopping bool
	// stopped is true while any goroutine keeps the world stopped.
	stopped bool
}

func (c condition) cause() ledger.Cause {
	switch c.state {
	case trace.GoRunning:
		return c.running()
	case trace.GoRunnable:
		if c.stopped {
			return ledger.StopTheWorld
		}
		return ledger.Runnable
	case trace.GoSyscall:
		return c.why
	case trace.GoWaiting:
		if c.why == ledger.Runnable && c.stopped {
			return ledger.StopTheWorld
		}
		if c.assisting && c.why != ledger.Runnable {
			return ledger.GCAssist
		}
		return c.why
	default:
		return ledger.Unattributed
	}
}

func (c condition) running() ledger.Cause {
	switch {
	case c.stopping:
		return ledger.StopTheWorld
	case c.assisting:
		return ledger.GCAssist
	default:
		return ledger.OnCPU
	}
}
