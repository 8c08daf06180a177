// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf/link"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// Reconfigure changes what is observed of a process while its probes stay: how
// many of 1000 requests, which events, and whose requests; no protocols are all.
// The programs look these up in a map. The probes of a protocol that was never
// wanted before are attached. Those of one that is not wanted any more stay, and
// begin nothing: what is open is told at its end.
func (a *Attachment) Reconfigure(sampleRate uint32, events Events, protocols []plan.Protocol) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrDetached
	}
	before := a.target.Events
	had := a.target.protocols()
	a.target.SampleRate, a.target.Events, a.target.Protocols = sampleRate, events, protocols
	if err := a.widen(a.target.Plan.Only(append(slices.Clone(had), a.target.protocols()...))); err != nil {
		return fmt.Errorf("reconfiguring the probes of process %d: %w", a.pid, err)
	}
	a.target.describeSettings(&a.description)
	if err := a.describe(); err != nil {
		return err
	}
	if events.Disks == before.Disks && events.Signals == before.Signals {
		return nil
	}
	return a.forgetTally() // what is told begins anew, what is not any more does not stay
}

// widen attaches what the tier has of a plan and what was not wanted before.
func (a *Attachment) widen(wanted *plan.Plan) error {
	had, wider := a.plan, *wanted
	wider.Probes = maps.Clone(had.Probes)
	maps.Copy(wider.Probes, wanted.Probes)
	a.plan = &wider
	var err error
	if a.tier >= TierScheduler {
		err = a.attachScheduler()
	}
	if a.tier >= TierSpans && err == nil {
		var links []link.Link
		err = a.attachProbes(order(a.plan, func(p plan.Probe) bool { return !isScheduler(p) && !had.Has(p) }), &links)
		a.links = append(a.links, links...)
	}
	if err != nil {
		a.plan = had
	}
	return err
}
