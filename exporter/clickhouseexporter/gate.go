// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// prepareTimeout bounds one attempt in the background. DDL on a cluster
	// waits for every replica.
	prepareTimeout = time.Minute
	// prepareRetryMin and prepareRetryMax are the pauses between attempts:
	// short at first, for a server that starts together with the Collector.
	prepareRetryMin = 250 * time.Millisecond
	prepareRetryMax = 15 * time.Second
)

// gate keeps data back until the tables exist. A goroutine prepares them from
// start on, and again after each shut, until it succeeds; data that comes
// before tries as well, so that the first batch does not wait for the next
// turn. Only the goroutine has the time for DDL on a slow cluster: data has
// that of one attempt to export it.
type gate struct {
	prepare func(context.Context) error
	logger  *zap.Logger
	open    atomic.Bool
	// turn is held by the one who prepares.
	turn chan struct{}
	// wake holds a token while the goroutine has yet to see that the gate was
	// shut.
	wake chan struct{}

	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newGate(prepare func(context.Context) error, logger *zap.Logger) *gate {
	return &gate{
		prepare: prepare,
		logger:  logger,
		turn:    make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		cancel:  func() {},
	}
}

// start begins to prepare in the background.
func (g *gate) start() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	g.done.Go(func() { g.keepOpen(ctx) })
}

// stop ends the attempts and waits for the current one.
func (g *gate) stop() {
	g.cancel()
	g.done.Wait()
}

// shut has the tables prepared again, in the background and by the next pass.
func (g *gate) shut() {
	g.open.Store(false)
	select {
	case g.wake <- struct{}{}:
	default: // the goroutine has yet to see an earlier one
	}
}

// pass returns when the tables are prepared, or says why they are not.
func (g *gate) pass(ctx context.Context) error { return g.passBy(ctx, g.prepare) }

// passBy is pass with a way to prepare.
func (g *gate) passBy(ctx context.Context, prepare func(context.Context) error) error {
	if g.open.Load() {
		return nil
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return fmt.Errorf("wait until the tables are prepared: %w", ctx.Err())
	}
	if g.open.Load() {
		return nil
	}
	if err := prepare(ctx); err != nil {
		return err
	}
	g.open.Store(true)
	return nil
}

// keepOpen prepares the tables now and whenever the gate was shut, until the
// context ends.
func (g *gate) keepOpen(ctx context.Context) {
	for {
		g.keepTrying(ctx)
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
	}
}

// keepTrying returns when the tables are prepared or the context ended.
func (g *gate) keepTrying(ctx context.Context) {
	pause := prepareRetryMin
	for attempt := 1; ; attempt++ {
		err := g.passBy(ctx, g.prepareWithin)
		if err == nil && attempt > 1 {
			g.logger.Info("ClickHouse is ready", zap.Int("attempts", attempt))
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		g.logger.Warn("ClickHouse is not ready; data waits in the sending queue",
			zap.Error(err), zap.Duration("next_attempt_in", pause))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, prepareRetryMax)
	}
}

// prepareWithin is prepare with a bound that begins with the turn, however
// long that was waited for.
func (g *gate) prepareWithin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	return g.prepare(ctx)
}
