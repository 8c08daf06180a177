// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/join"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// While nothing arrives, what is older than the retention is dropped each sweepShare
// of the retention, within these bounds: to wake up costs an agent CPU time that
// has nothing else to do.
const (
	sweepShare    = 4
	shortestSweep = time.Second
	longestSweep  = 5 * time.Second
)

// enrichment is the state that the pipelines of one component ID share: the
// store, a lock around it, and the goroutine that lets time pass.
type enrichment struct {
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	processor metric.MeasurementOption // names it on its counters
	now       func() time.Time
	sweep     time.Duration
	readers   recordReaders
	arrivals  arrivalsPool

	mu    sync.Mutex
	store *join.Store

	started bool
	held    chan struct{} // a span may be due before the clock looks next
	stop    chan struct{}
	stopped chan struct{}
}

func newEnrichment(set processor.Settings, config *Config) (*enrichment, error) {
	e := &enrichment{
		logger:    set.Logger,
		processor: metric.WithAttributeSet(attribute.NewSet(attribute.Stringer(attributeProcessor, set.ID))),
		now:       time.Now,
		sweep:     min(max(config.Retention/sweepShare, shortestSweep), longestSweep),
		store: join.NewStore(join.Config{
			Wait:      config.Wait,
			Retention: config.Retention,
			Bytes:     int64(config.MemoryMiB) << 20,
		}, time.Now()),
		held:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	e.telemetry = telemetry
	return e, observeTally(telemetry, set.ID, e.tally)
}

// Start begins to let time pass.
func (e *enrichment) Start(context.Context, component.Host) error {
	e.started = true
	go e.run()
	return nil
}

// Shutdown ends the clock and says what never joined a span. No processor may
// use the enrichment any more.
func (e *enrichment) Shutdown(context.Context) error {
	if e.started {
		close(e.stop)
		<-e.stopped
	}
	e.mu.Lock()
	pending := e.store.Tally().Pending
	e.store.Close()
	e.mu.Unlock()
	e.telemetry.Shutdown()
	for kind, n := range pending {
		if n > 0 {
			e.logger.Info("records joined no span before the shutdown; they were passed on as logs",
				zap.Stringer("kind", join.Kind(kind)), zap.Int64("records", n))
		}
	}
	return nil
}

// run releases spans that waited long enough.
func (e *enrichment) run() {
	defer close(e.stopped)
	timer := time.NewTimer(e.sweep)
	defer timer.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-e.held:
		case <-timer.C:
		}
		var next time.Duration
		e.do(func(now time.Time) {
			e.store.Advance(now)
			next = e.sweep
			if deadline, waits := e.store.Deadline(); waits {
				next = min(e.sweep, max(0, deadline.Sub(now)))
			}
		})
		timer.Reset(next)
	}
}

// do calls use with the store locked, and then sends what it released on its way.
func (e *enrichment) do(use func(now time.Time)) {
	e.mu.Lock()
	use(e.now())
	released := e.store.Released()
	e.mu.Unlock()
	dispatch(released)
}

func (e *enrichment) tally() join.Tally {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.store.Tally()
}

// observe takes the records of a batch of logs.
func (e *enrichment) observe(records *join.Records) {
	e.do(func(now time.Time) { e.store.Observe(now, records) })
}

// arrive asks what becomes of the spans of a batch.
func (e *enrichment) arrive(a *arrivals) {
	e.do(func(now time.Time) { e.store.Arrive(now, a.spans, a.verdicts, a.sources.size) })
}

// hold begins to hold spans.
func (e *enrichment) hold(spans []*join.Waiting) {
	e.do(func(now time.Time) { e.store.Hold(now, spans) })
	select {
	case e.held <- struct{}{}:
	default:
	}
}

// abandon forgets spans that were to be held.
func (e *enrichment) abandon(spans []*join.Waiting) {
	e.do(func(time.Time) { e.store.Abandon(spans) })
}

// flush releases the spans that the processor holds.
func (e *enrichment) flush(p *tracesProcessor) {
	e.do(func(now time.Time) {
		e.store.Flush(now, func(w *join.Waiting) bool { return heldSpanOf(w).batch.processor == p })
	})
}

// sent gives back the memory of spans that went downstream.
func (e *enrichment) sent(spans []*join.Waiting) {
	e.do(func(time.Time) { e.store.Sent(spans) })
}
