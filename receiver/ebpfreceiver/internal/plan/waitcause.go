// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"

	"github.com/fathom-otel/fathom/internal/ledger"
)

const (
	// waitReasons is WAIT_REASONS of bpf/headers/process.h.
	waitReasons = 64
	// waitExecutes is WAIT_EXECUTES: the runtime calls the goroutine waiting,
	// so that its stack may be scanned, while it executes on the system stack
	// (isWaitingForSuspendG in src/runtime/runtime2.go).
	waitExecutes = 0x80
	// waitAssists is WAIT_ASSISTS: it marks for the collector, since it allocates
	// (gcAssistAlloc1 in src/runtime/mgcmark.go).
	waitAssists = 0x40
)

// waitCauses maps the runtime's wait reasons to causes. A reason that nothing
// here knows is unattributed.
func waitCauses(reasons map[uint8]string) [waitReasons]uint8 {
	var causes [waitReasons]uint8
	for i := range causes {
		causes[i] = uint8(ledger.Unattributed)
	}
	for i, text := range reasons {
		if int(i) < len(causes) {
			causes[i] = waitCause(text)
		}
	}
	return causes
}

// WaitCause is the cause of a wait for a reason of the runtime's. Who executes
// meanwhile only seems to wait.
func (p *Plan) WaitCause(reason uint8) (cause ledger.Cause, executes bool) {
	packed := p.WaitCauses[reason%waitReasons]
	return ledger.Cause(packed &^ (waitExecutes | waitAssists)), packed&waitExecutes != 0
}

// waitCause classifies one of runtime.waitReasonStrings. The testing/synctest
// variants carry a suffix.
func waitCause(text string) uint8 {
	switch strings.TrimSuffix(text, " (durable)") {
	case "GC assist marking":
		return uint8(ledger.GCAssist) | waitExecutes | waitAssists
	case "garbage collection", "GC mark termination", "flushing proc caches":
		return uint8(ledger.GCAssist) | waitExecutes
	case "stopping the world":
		return uint8(ledger.StopTheWorld) | waitExecutes
	case "coroutine": // another goroutine executes in its place, as a call would
		return uint8(ledger.OnCPU) | waitExecutes
	case "garbage collection scan", "GC worker (active)", "trace goroutine status", "trace proc status", "page trace flush":
		return uint8(ledger.OnCPU) | waitExecutes
	case "GC assist wait", "wait for GC cycle", "GC weak to strong wait":
		return uint8(ledger.GCAssist)
	case "IO wait":
		return uint8(ledger.BlockedNetwork)
	case "chan receive", "chan send", "chan receive (nil chan)", "chan send (nil chan)":
		return uint8(ledger.BlockedChannel)
	case "select", "select (no cases)":
		return uint8(ledger.BlockedSelect)
	case "sync.Mutex.Lock", "sync.RWMutex.RLock", "sync.RWMutex.Lock":
		return uint8(ledger.BlockedMutex)
	case "semacquire", "sync.Cond.Wait", "sync.WaitGroup.Wait":
		return uint8(ledger.BlockedSync)
	case "sleep":
		return uint8(ledger.Sleep)
	default:
		return uint8(ledger.Unattributed)
	}
}
