// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/governor"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// governing counts and logs what the governor does.
type governing struct {
	governor  *governor.Governor
	hit       time.Duration // what one costs beside its program
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
}

func (g *governing) Switched(tier probe.Tier, lost int) {
	g.telemetry.GovernorSwitches.Add(context.Background(), 1, by("tier", tier.String()))
	g.telemetry.RecordsDropped.Add(context.Background(), int64(lost), by("reason", "governed"))
}

func (g *governing) Failed(pid int, err error) {
	g.logger.Warn("Governing the probes of a process", zap.Int("pid", pid), zap.Error(err))
}

// newGoverning is nil where probes are not to come and go. What an estate has is
// gone on with.
func (r *ebpfReceiver) newGoverning(left *estate) (*governing, error) {
	if r.config.Ledger.Mode != ModeGoverned || !r.sinks.probed() {
		return nil, nil
	}
	g, err := r.governingOf(left)
	if err != nil {
		return nil, err
	}
	return g, r.telemetry.ObserveGovernor(func() metadata.Governor {
		state := g.governor.State()
		seen := metadata.Governor{
			Processes: make(map[string]int64),
			Cost:      map[string]time.Duration{"spans": state.Spans, "scheduler": state.Scheduler, "tracepoints": state.Kernel},
			CPU:       state.CPU,
			Hit:       g.hit,
		}
		for tier := range probe.Tier(probe.NumTiers) {
			seen.Processes[tier.String()] = int64(state.Processes[tier])
		}
		return seen
	})
}

// leastBudget is what observing a process may cost, in cores, however little it does.
// The probes of spans cost some 50 µs a request where requests are rare and find the caches
// cold: without it, of a service that is called 75 times a second most calls would not be
// seen, to save a third of a percent of a core.
const leastBudget = 0.005

func (r *ebpfReceiver) governingOf(left *estate) (*governing, error) {
	if left != nil {
		left.governing.telemetry, left.governing.logger = r.telemetry, r.settings.Logger
		return left.governing, nil
	}
	hit, err := r.programs.HitCost()
	if err != nil {
		return nil, err
	}
	r.settings.Logger.Info("Measured what a hit of a probe costs on this machine beside its program", zap.Duration("cost", hit))
	g := &governing{hit: hit, telemetry: r.telemetry, logger: r.settings.Logger}
	g.governor = governor.New(governor.Budget{
		Process: r.config.Budget.CPUPercent / 100,
		Least:   leastBudget,
		Node:    r.config.Budget.NodeCPUPercent / 100,
	}, hit, g)
	return g, nil
}

// governable tells whether probes can be taken off a process and put back: the
// ends of its goroutines must be seen without those on the scheduler.
func governable(p *plan.Plan) bool { return p.Has(plan.GoroutineEnds) }

// least is the tier that a process keeps whatever it costs: where nothing else tells
// the spans that its SDK makes, they are told.
func least(p *plan.Plan) probe.Tier {
	if p.Has(plan.SDKSpanEnded) {
		return probe.TierSpans
	}
	return probe.TierNone
}
