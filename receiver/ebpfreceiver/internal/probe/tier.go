// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf/link"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Tier is how much is attached to a process; each holds the ones before it.
type Tier uint8

// The tiers, by what their probes cost the process.
const (
	// TierNone has no probe: nothing of the process's requests and spans is seen.
	TierNone Tier = iota
	// TierSpans has the probes that are hit a few times a request: requests,
	// spans of an SDK, stops of the world, starts and ends of goroutines. Ledgers
	// are not exact.
	TierSpans
	// TierScheduler has those on the goroutine scheduler too. Ledgers of spans
	// that begin and end within it are exact.
	TierScheduler
	// NumTiers is how many there are.
	NumTiers = 3
)

// String is the tier's name in the receiver's telemetry.
func (t Tier) String() string {
	switch t {
	case TierNone:
		return "none"
	case TierSpans:
		return "spans"
	case TierScheduler:
		return "scheduler"
	default:
		return fmt.Sprintf("tier(%d)", uint8(t))
	}
}

// isScheduler tells the probes of TierScheduler from those of TierSpans.
func isScheduler(p plan.Probe) bool { return p == plan.GoroutineStatus || p == plan.GoroutinePreempted }

// order attaches the ends of spans before their starts, so that no span is
// opened that nothing closes.
func order(p *plan.Plan, wanted func(plan.Probe) bool) []plan.Probe {
	all := []plan.Probe{
		plan.GoroutineStatus, plan.GoroutinePreempted, plan.WorldRuns, plan.WorldRunsOther, plan.WorldStarts,
		plan.WorldStops, plan.GoroutineEnds, plan.AllocationSampled,
		plan.RequestFinishes, plan.RequestHijacked, plan.SDKSpanEnded, plan.SDKSpanEnds, plan.SDKSpanStarts, plan.SDKTracerStarts,
		plan.HTTP2Finishes, plan.HTTP2ModuleFinishes, plan.RPCFinishes, plan.RPCFinishesHTTP,
		plan.ClientFinishes, plan.RPCClientFinishes, plan.RPCClientBegun, plan.RPCStreamBegun,
		plan.LookupEnds, plan.LookupStarts, plan.HandshakeEnds, plan.HandshakeStarts, plan.HandshakeServerStarts,
		plan.SQLQuerySucceeds, plan.SQLConnectionReleased, plan.SQLTransactionReleased, plan.SQLReservedReleased,
		plan.SQLStatementQueries, plan.SQLStatementExecs, plan.SQLStatementStarts, plan.SQLQueryStarts, plan.SQLExecStarts,
		plan.ClientStarts, plan.RPCClientStarts, plan.RPCStreamStarts, plan.RequestStarts, plan.HTTP2Starts,
		plan.HTTP2ModuleStarts, plan.RPCHeaders, plan.RPCStarts,
		plan.GoroutineCreated,
	}
	return slices.DeleteFunc(all, func(probe plan.Probe) bool { return !p.Has(probe) || !wanted(probe) })
}

// ErrDetached: the attachment was closed before.
var ErrDetached = errors.New("the process has no probes any more")

// SetTier attaches and detaches until the process has what the tier names, as
// far as its plan has it. It returns how many spans and requests were open that
// will not be told. Where probes cannot be attached, the ones that were there
// stay.
func (a *Attachment) SetTier(tier Tier) (lost int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, ErrDetached
	}
	if tier < TierScheduler {
		err = a.detachScheduler()
	}
	if tier < TierSpans && a.links != nil {
		var detachErr error
		lost, detachErr = a.detachSpans()
		err = errors.Join(err, detachErr)
	}
	if tier >= TierScheduler && err == nil {
		err = a.attachScheduler()
	}
	if tier >= TierSpans && err == nil && a.links == nil {
		err = a.attachProbes(order(a.plan, func(p plan.Probe) bool { return !isScheduler(p) }), &a.links)
		if err != nil {
			err = errors.Join(err, a.detachScheduler())
		}
	}
	if err == nil {
		a.tier = tier
	}
	return lost, err
}

// Tier is the last that was set.
func (a *Attachment) Tier() Tier {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tier
}

// attachScheduler makes ledgers exact from the moment when all is in place.
func (a *Attachment) attachScheduler() error {
	probes := order(a.plan, isScheduler)
	if a.scheduler != nil || !slices.Contains(probes, plan.GoroutineStatus) {
		return nil
	}
	if err := a.attachProbes(probes, &a.scheduler); err != nil {
		return err
	}
	return a.describeAs(a.description.Flags | flagLedger)
}

// detachScheduler ends the exactness of ledgers before the first probe is gone.
func (a *Attachment) detachScheduler() error {
	if a.scheduler == nil {
		return nil
	}
	return errors.Join(a.describeAs(a.description.Flags&^flagLedger), closeAll(&a.scheduler), a.forgetThreads())
}

// detachSpans takes off all that is left, and what was seen by it.
func (a *Attachment) detachSpans() (lost int, err error) {
	err = errors.Join(closeAll(&a.links), ignoreMissing(a.programs.spans.StopClocks.Delete(a.pid)))
	lost, forgetErr := a.forget()
	return lost, errors.Join(err, forgetErr)
}

// describeAs tells the programs of other flags, as a new epoch: a span that
// began in the one before has no exact ledger.
func (a *Attachment) describeAs(flags uint32) error {
	a.description.Flags = flags
	a.description.Epoch++
	exact := flags&flagLedger != 0
	if !exact {
		a.exact.Store(false)
	}
	if err := a.describe(); err != nil {
		return err
	}
	a.exact.Store(exact)
	return nil
}

func (a *Attachment) describe() error {
	if err := a.programs.spans.Processes.Put(a.pid, a.description); err != nil {
		return fmt.Errorf("describing process %d to the probes: %w", a.pid, err)
	}
	return nil
}

func (a *Attachment) attachProbes(probes []plan.Probe, links *[]link.Link) error {
	for _, probe := range probes {
		l, err := a.programs.uprobe(a.executable, a.programs.program(probe), a.target.PID, a.plan.Probes[probe], uint64(a.slot))
		if err != nil {
			return errors.Join(fmt.Errorf("attaching %s to process %d: %w", probe, a.pid, err), closeAll(links))
		}
		*links = append(*links, l)
	}
	return nil
}
