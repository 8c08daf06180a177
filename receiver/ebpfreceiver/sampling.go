// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"sync/atomic"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// sampling is what makes the ledgers that the probes cannot: the BPF programs look
// at goroutines. A nil one is none.
type sampling struct {
	looks        *probe.Looks
	seen, unseen atomic.Uint64 // ledgers with and without a look
}

// prepareSampling makes none where all ledgers are exact. What an estate has is gone
// on with.
func (r *ebpfReceiver) prepareSampling(left *estate) error {
	if r.config.Ledger.Mode == ModeExact || !r.sinks.probed() {
		return nil
	}
	if left != nil {
		r.sampling = left.sampling
	} else {
		looks, err := r.programs.Looks()
		if err != nil {
			return err
		}
		r.sampling = &sampling{looks: looks}
	}
	return r.telemetry.ObserveSampler(r.counts.get, r.sampling.ledgers)
}

// tier is what a process begins with. Without ledgers to tell, spans are enough:
// samples of CPUs are linked to them.
func (r *ebpfReceiver) tier(p *plan.Plan) probe.Tier {
	if (r.config.Ledger.Mode == ModeSampled || !r.sinks.probed()) && governable(p) {
		return probe.TierSpans
	}
	return probe.TierScheduler
}

// ledgers are those that were sampled so far, by outcome.
func (s *sampling) ledgers() map[string]uint64 {
	return map[string]uint64{"seen": s.seen.Load(), "unseen": s.unseen.Load()}
}

// count counts a sampled ledger.
func (s *sampling) count(r record.Record) {
	span := spanOf(r)
	switch {
	case s == nil || span == nil || !span.Sampled:
	case span.Looks > 0:
		s.seen.Add(1)
	default:
		s.unseen.Add(1)
	}
}

// spanOf is the span that a record tells, nil where it tells none.
func spanOf(r record.Record) *record.Span {
	switch r := r.(type) {
	case *record.Span:
		return r
	case *record.SDKSpan:
		return &r.Span
	case *record.Client:
		return &r.Span
	case *record.RPCClient:
		return &r.Span
	case *record.SQL:
		return &r.Span
	case *record.RPC:
		return &r.Span
	case *record.Request:
		return &r.Span
	default:
		return nil
	}
}

func (s *sampling) close() error {
	if s == nil {
		return nil
	}
	return s.looks.Close()
}
