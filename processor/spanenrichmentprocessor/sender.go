// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/consumer"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
)

// sender sends released spans of one traces pipeline downstream, from a
// goroutine of its own: neither the logs pipeline nor the clock waits for it.
type sender struct {
	enrichment *enrichment
	logger     *zap.Logger
	next       consumer.Traces

	ctx    context.Context // of each send; ends when a shutdown gives up
	cancel context.CancelFunc

	mu      sync.Mutex
	queue   []*join.Waiting
	running bool
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

func newSender(e *enrichment, logger *zap.Logger, next consumer.Traces) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{
		enrichment: e, logger: logger, next: next, ctx: ctx, cancel: cancel,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// dispatch hands released spans to the senders of their pipelines.
func dispatch(released []*join.Waiting) {
	for len(released) > 0 {
		p, n := heldSpanOf(released[0]).batch.processor, 1
		for n < len(released) && heldSpanOf(released[n]).batch.processor == p {
			n++
		}
		p.sender.push(released[:n])
		released = released[n:]
	}
}

func (s *sender) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = true
	go s.run()
}

// push queues spans, or sends them itself where the goroutine has ended.
func (s *sender) push(spans []*join.Waiting) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.queue = append(s.queue, spans...)
	}
	s.mu.Unlock()
	if closed {
		s.send(spans)
		return
	}
	s.notify()
}

func (s *sender) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// close sends what is queued and ends the goroutine. When ctx ends first, what
// is left is refused and counted.
func (s *sender) close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	running := s.running
	s.mu.Unlock()
	defer s.cancel()
	if !running {
		return nil
	}
	s.notify()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("sending held spans before the shutdown: %w", ctx.Err())
	}
}

func (s *sender) run() {
	defer close(s.done)
	for range s.wake {
		s.mu.Lock()
		spans, closed := s.queue, s.closed
		s.queue = nil
		s.mu.Unlock()
		s.send(spans)
		if closed {
			return
		}
	}
}

// send sends spans downstream, those of each incoming batch together: they
// have the same client. Spans of one batch mostly follow each other.
func (s *sender) send(spans []*join.Waiting) {
	var batches []*heldBatch
	byBatch := map[*heldBatch][]*join.Waiting{}
	for len(spans) > 0 {
		batch, n := heldSpanOf(spans[0]).batch, 1
		for n < len(spans) && heldSpanOf(spans[n]).batch == batch {
			n++
		}
		if byBatch[batch] == nil {
			batches = append(batches, batch)
		}
		byBatch[batch] = append(byBatch[batch], spans[:n]...)
		spans = spans[n:]
	}
	for _, batch := range batches {
		s.sendBatch(batch, byBatch[batch])
	}
}

// sendBatch accounts for spans that downstream refuses: they were accepted, and
// there is nobody left to try again but the exporter, which has.
func (s *sender) sendBatch(batch *heldBatch, spans []*join.Waiting) {
	ctx := client.NewContext(s.ctx, batch.client)
	td, report := batch.take(spans)
	if err := s.next.ConsumeTraces(ctx, td); err == nil {
		s.enrichment.report(ctx, report)
	} else {
		s.enrichment.refused(ctx, len(spans))
		s.logger.Error("downstream refused spans that had been held; they are lost",
			zap.Int("spans", len(spans)), zap.Error(err))
	}
	s.enrichment.sent(spans)
}
