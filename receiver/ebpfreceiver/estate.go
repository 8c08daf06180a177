// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/emit"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
)

// estate is what a receiver leaves for the next of its ID: what is in the kernel,
// and what was learned about the processes. No goroutine is part of it.
type estate struct {
	terms     terms
	programs  *probe.Programs
	attacher  *attach.Attacher
	watched   *observer
	governing *governing
	sampling  *sampling
	sdks      *emit.SDKs
}

// terms are what an estate was made for. A receiver with other ones begins anew.
type terms struct {
	ledger                LedgerConfig
	budget                BudgetConfig
	traces, metrics, logs bool // are wanted
	samples               int  // of each CPU a second
	sdkSpans              string
}

func (r *ebpfReceiver) terms() terms {
	t := terms{
		ledger: r.config.Ledger,
		traces: r.sinks.traces != nil, metrics: r.sinks.metrics != nil, logs: r.sinks.logs != nil,
	}
	t.sdkSpans = r.sdkTerms()
	if t.ledger.Mode == ModeGoverned {
		t.budget = r.config.Budget
	}
	if r.profiled() {
		t.samples = r.config.Profiles.Frequency
	}
	return t
}

// close detaches everything and frees the programs.
func (e *estate) close() error {
	err := e.attacher.Close()
	e.watched.profiles.forgetAll()
	return errors.Join(err, e.sampling.close(), e.programs.Close())
}

// inherited is what the receiver before left, nil where there was none, or on
// other terms.
func (r *ebpfReceiver) inherited() (*estate, error) {
	left := r.heirs.take(r.settings.ID)
	if left == nil || left.terms == r.terms() {
		return left, nil
	}
	r.settings.Logger.Info("The probes are attached anew: ledger, budget, pipelines, sdk_spans, what selects processes for them, or whether and how often CPUs are sampled for profiles are others than before")
	if err := left.close(); err != nil {
		return nil, fmt.Errorf("detaching what the configuration before had: %w", err)
	}
	return nil, nil
}

// leave has everything that is in the kernel stay there for the next receiver of
// this ID.
func (r *ebpfReceiver) leave() {
	open, err := r.programs.OpenSpans()
	r.settings.Logger.Info("The probes stay for a while: the next configuration goes on with them, the end of the collector ends them",
		zap.Duration("for", r.heirs.grace), zap.Int("processes", r.attacher.Attached()), zap.Int("open_spans", open), zap.Error(err))
	r.heirs.leave(r.settings.ID, &estate{
		terms: r.terms(), programs: r.programs, attacher: r.attacher, watched: r.watched, governing: r.governing, sampling: r.sampling,
		sdks: r.sdks,
	}, func(err error) {
		r.settings.Logger.Error("Detaching what no configuration went on with", zap.Error(err))
	})
}
