// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/cardinality"
)

// gatherer forms batches before the queue persists them, as sending_queue.batch
// says: what is inserted is then what was persisted, and a Collector that was
// killed inserts the same batches again. exporterhelper forms batches behind the
// queue, and others after a restart. Who sends a request waits until the queue
// has its batch, so that nothing that was accepted is in memory only.
type gatherer[D any] struct {
	pile[D]
	size     func(D) int
	min, max int
	timeout  time.Duration
	offer    func(context.Context, D) error
	// waiting is the context of offers, which giveUp ends: they may wait for room.
	waiting context.Context
	giveUp  context.CancelFunc

	mu      sync.Mutex
	open    *gathering[D] // nil until the next request
	stopped bool
	// offering counts batches that were begun and that the queue has not answered.
	offering sync.WaitGroup
}

// pile is how requests of a signal are put on one another.
type pile[D any] struct {
	items, bytes func(D) int
	fresh        func() D
	// move empties from.
	move, copy func(from, to D)
	// limit has a guard look at the attributes.
	limit func(*cardinality.Guard, D) cardinality.Tally
}

// gathering is a batch that is being formed.
type gathering[D any] struct {
	data  D
	size  int
	timer *time.Timer
	once  sync.Once
	// done is closed when the queue has the batch, or err says why not.
	done chan struct{}
	err  error
}

var errStopped = errors.New("the exporter is shut down")

// newGatherer makes a gatherer, none where there is nothing to gather.
func newGatherer[D any](batch *exporterhelper.BatchConfig, p pile[D], offer func(context.Context, D) error) *gatherer[D] {
	if batch == nil {
		return nil
	}
	waiting, giveUp := context.WithCancel(context.Background())
	g := &gatherer[D]{
		pile: p, size: p.items,
		min: int(batch.MinSize), max: int(batch.MaxSize), timeout: batch.FlushTimeout,
		offer: offer, waiting: waiting, giveUp: giveUp,
	}
	if batch.Sizer == exporterhelper.RequestSizerTypeBytes {
		g.size = p.bytes
	}
	return g
}

// add puts a request in a batch and waits until the queue has it. The request
// stays as it is: who sent it may send it again. When its context ends first,
// the batch may still be taken.
func (g *gatherer[D]) add(ctx context.Context, data D) error {
	size := g.size(data)
	if size == 0 {
		return nil
	}
	ours := g.fresh()
	g.copy(data, ours)
	b, full, err := g.put(ours, size)
	if err != nil {
		return err
	}
	if full {
		g.close(b)
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put puts a request into the open batch, or in one of its own where that would
// become too large.
func (g *gatherer[D]) put(data D, size int) (b *gathering[D], full bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return nil, false, errStopped
	}
	if g.open != nil && g.max > 0 && g.open.size+size > g.max {
		before := g.open
		g.open = nil
		go g.close(before) // which offering counts
	}
	if g.open == nil {
		b := &gathering[D]{data: g.fresh(), done: make(chan struct{})}
		g.offering.Add(1)
		b.timer = time.AfterFunc(g.timeout, func() { g.close(b) })
		g.open = b
	}
	b = g.open
	g.move(data, b.data)
	b.size += size
	return b, b.size >= g.min, nil
}

// close passes a batch on to the queue, once.
func (g *gatherer[D]) close(b *gathering[D]) {
	b.once.Do(func() {
		defer g.offering.Done()
		g.mu.Lock()
		b.timer.Stop() // which put may set yet
		if g.open == b {
			g.open = nil
		}
		g.mu.Unlock()
		b.err = g.offer(g.waiting, b.data)
		close(b.done)
	})
}

// stopTimeout is how long a batch may wait for room in the queue at shutdown,
// with block_on_overflow: while ClickHouse is away there is none.
const stopTimeout = 5 * time.Second

// stop passes the open batch on and waits until the queue has answered for all.
func (g *gatherer[D]) stop() {
	defer g.giveUp()
	defer time.AfterFunc(stopTimeout, g.giveUp).Stop()
	g.mu.Lock()
	g.stopped = true
	open := g.open
	g.mu.Unlock()
	if open != nil {
		g.close(open)
	}
	g.offering.Wait()
}
