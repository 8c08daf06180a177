// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// tracesProcessor joins records to the spans of one traces pipeline.
type tracesProcessor struct {
	shared     *hold
	enrichment *enrichment
	next       consumer.Traces
	sender     *sender
	closing    atomic.Bool
}

func newTracesProcessor(shared *hold, logger *zap.Logger, next consumer.Traces) *tracesProcessor {
	return &tracesProcessor{
		shared:     shared,
		enrichment: shared.Value(),
		next:       next,
		sender:     newSender(shared.Value(), logger, next),
	}
}

// Capabilities implements consumer.Traces.
func (*tracesProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// Start implements component.Component.
func (p *tracesProcessor) Start(ctx context.Context, host component.Host) error {
	p.sender.start()
	return p.shared.Start(ctx, host)
}

// Shutdown sends what the processor holds downstream, until ctx ends.
func (p *tracesProcessor) Shutdown(ctx context.Context) error {
	if p.closing.Swap(true) {
		return nil
	}
	p.enrichment.flush(p)
	return errors.Join(p.sender.close(ctx), p.shared.Shutdown(ctx))
}

// ConsumeTraces sends the spans that need not wait downstream, and then holds
// the others: when it returns an error that a sender may answer by sending the
// batch again, it keeps nothing of the batch.
func (p *tracesProcessor) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	arrived := p.enrichment.arrivals.read(td)
	p.enrichment.arrive(arrived)
	batch := &heldBatch{processor: p, client: client.FromContext(ctx), spans: ptrace.NewTraces()}
	waiting, report := split(td, arrived.verdicts, batch)
	p.enrichment.arrivals.put(arrived)

	var err error
	if len(waiting) == 0 || td.SpanCount() > 0 {
		err = p.next.ConsumeTraces(ctx, td)
	}
	if err == nil {
		p.enrichment.report(ctx, report)
	}
	switch {
	case len(waiting) == 0:
	case err != nil && !consumererror.IsPermanent(err):
		p.enrichment.abandon(waiting)
	default:
		p.hold(waiting)
	}
	return err
}

// hold holds spans, unless the processor shuts down meanwhile.
func (p *tracesProcessor) hold(waiting []*join.Waiting) {
	p.enrichment.hold(waiting)
	if p.closing.Load() {
		p.enrichment.flush(p)
	}
}
