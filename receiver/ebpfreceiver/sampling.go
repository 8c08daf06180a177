// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/sample"
)

// sampling makes the ledgers that the probes cannot, by looking at goroutines. A
// nil one makes none.
type sampling struct {
	sampler *sample.Sampler
	inSpan  *probe.InSpan
	looks   *probe.Looks
	logger  *zap.Logger
}

// prepareSampling makes none where all ledgers are exact. What an estate has is gone
// on with.
func (r *ebpfReceiver) prepareSampling(left *estate) error {
	if r.config.Ledger.Mode == ModeExact || !r.sinks.probed() {
		return nil
	}
	s, err := r.samplingOf(left)
	if err != nil {
		return err
	}
	r.sampling = s
	return r.telemetry.ObserveSampler(func() metadata.Sampler {
		counts := s.sampler.Counts()
		return metadata.Sampler{
			Samples: counts.Samples,
			Missed:  map[string]uint64{"unreadable": counts.Unreadable, "memory_full": counts.Full, "late": counts.Late},
			Ledgers: map[string]uint64{"seen": counts.Seen, "unseen": counts.Unseen},
		}
	})
}

func (r *ebpfReceiver) samplingOf(left *estate) (*sampling, error) {
	if left != nil {
		left.sampling.logger = r.settings.Logger
		return left.sampling, nil
	}
	inSpan, err := r.programs.InSpan()
	if err != nil {
		return nil, err
	}
	looks, err := r.programs.Looks(sample.Interval)
	if err != nil {
		return nil, errors.Join(err, inSpan.Close())
	}
	s := &sampling{inSpan: inSpan, looks: looks, logger: r.settings.Logger}
	s.sampler = sample.New(inSpan, looks, s.failed)
	return s, nil
}

// tier is what a process begins with. Without ledgers to tell, spans are enough:
// samples of CPUs are linked to them.
func (r *ebpfReceiver) tier(p *plan.Plan) probe.Tier {
	if (r.config.Ledger.Mode == ModeSampled || !r.sinks.probed()) && governable(p) {
		return probe.TierSpans
	}
	return probe.TierScheduler
}

func (s *sampling) failed(pid int, err error) {
	s.logger.Warn("The goroutines of a process cannot be sampled", zap.Int("pid", pid), zap.Error(err))
}

func (s *sampling) add(p *discover.Process, a *probe.Attachment, bias uint64) {
	if s == nil || a == nil || !a.Plan().Sampled {
		return
	}
	err := s.sampler.Add(sample.Process{PID: p.PID, Plan: a.Plan(), Bias: bias, Exact: a.Exact})
	if err != nil && !errors.Is(err, procmem.ErrGone) { // one that has ended is detached soon
		s.failed(p.PID, err)
	}
}

func (s *sampling) remove(p *discover.Process) {
	if s == nil {
		return
	}
	if err := s.sampler.Remove(p.PID); err != nil {
		s.failed(p.PID, err)
	}
}

// explain gives a span without an exact ledger a sampled one.
func (s *sampling) explain(r record.Record) {
	if s == nil {
		return
	}
	switch r := r.(type) {
	case *record.Span:
		s.fill(r)
	case *record.SDKSpan:
		s.fill(&r.Span)
	case *record.Client:
		s.fill(&r.Span)
	case *record.RPCClient:
		if !r.NoLedger {
			s.fill(&r.Span)
		}
	case *record.SQL:
		s.fill(&r.Span)
	case *record.RPC:
		s.fill(&r.Span)
		s.sampler.Told(r.PID, r.GoroutineID, r.End)
	case *record.Request:
		s.fill(&r.Span)
		s.sampler.Told(r.PID, r.GoroutineID, r.End) // a request has no span around it
	}
}

func (s *sampling) fill(span *record.Span) {
	if span.Exact || span.Start == span.End { // one that ended elsewhere has no duration
		return
	}
	if l, ok := s.sampler.Ledger(span.PID, span.GoroutineID, span.Start, span.End); ok {
		span.Ledger, span.Sampled = l, true
	}
}

func (s *sampling) close() error {
	if s == nil {
		return nil
	}
	s.sampler.Close()
	return errors.Join(s.looks.Close(), s.inSpan.Close())
}
