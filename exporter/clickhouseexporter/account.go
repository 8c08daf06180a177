// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/metadata"
)

// account is what became of an exporter's rows. Whenever it is read,
// received = written + refused + queued: each of its methods keeps that, and
// one callback reads it.
type account struct {
	attributes []attribute.KeyValue
	signal     string

	mu       sync.Mutex
	received map[source]int64
	queued   int64
	written  map[place]int64
	refused  map[refusal]int64
}

// source is where rows come from.
type source string

const (
	// fromPipeline are rows that came while the exporter ran.
	fromPipeline source = "pipeline"
	// fromStorage are rows that an earlier Collector left in its queue.
	fromStorage source = "storage"
)

// place is a table, and the number of its shard where there are shards.
type place struct{ table, shard string }

func (p place) attributes() []attribute.KeyValue {
	at := []attribute.KeyValue{attribute.String("table", p.table)}
	if p.shard != "" {
		at = append(at, attribute.String("shard", p.shard))
	}
	return at
}

// place is where rows of a table go.
func (i *inserter) place(table string) place { return place{table, i.shard} }

// refusal is which rows were given up for good, and why. Without a table, it
// is before they were sent.
type refusal struct {
	place
	reason string
}

// newAccount makes an account of an exporter of that ID and signal.
func newAccount(id, signal string) *account {
	return &account{
		attributes: []attribute.KeyValue{attribute.String("exporter", id), attribute.String("signal", signal)},
		signal:     signal,
		received:   map[source]int64{},
		written:    map[place]int64{},
		refused:    map[refusal]int64{},
	}
}

func (a *account) receive(from source, rows int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.received[from] += int64(rows)
	a.queued += int64(rows)
}

func (a *account) write(at place, rows int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.written[at] += int64(rows)
	a.queued -= int64(rows)
}

func (a *account) refuse(at place, reason string, rows int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused[refusal{at, reason}] += int64(rows)
	a.queued -= int64(rows)
}

// observe reports the account.
func (a *account) observe(o metric.Observer, instruments *metadata.TelemetryBuilder) {
	a.mu.Lock()
	defer a.mu.Unlock()
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(append(more, a.attributes...)...)
	}
	o.ObserveInt64(instruments.RowsQueued, a.queued, with())
	for from, rows := range a.received {
		o.ObserveInt64(instruments.RowsReceived, rows, with(attribute.String("from", string(from))))
	}
	for at, rows := range a.written {
		o.ObserveInt64(instruments.RowsWritten, rows, with(at.attributes()...))
	}
	for which, rows := range a.refused {
		o.ObserveInt64(instruments.RowsRefused, rows,
			with(append(which.attributes(), attribute.String("reason", which.reason))...))
	}
}

// begin is called by each attempt at a delivery, of that many rows.
func (i *inserter) begin(ctx context.Context, d *delivery, rows int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempts++
	if d.attempts > 1 {
		i.telemetry.Retries.Add(ctx, 1, metric.WithAttributes(i.account.attributes...))
		return
	}
	d.rows = rows
	if !i.identities.made(d.identity) {
		i.account.receive(fromStorage, rows)
	}
}

// kept reports whether the queue keeps what was not stored: it is on disk, and
// the exporter shuts down. Without retries, a failure is the request's own end:
// exporterhelper tells no other from it.
func (i *inserter) kept() bool {
	return i.stopping.Load() && i.config.persists() && i.config.BackOffConfig.Enabled
}

// offered passes a request on to the queue, and counts its rows.
func offered[D any](ctx context.Context, i *inserter, data D, rows int, queued func(context.Context, D) error) error {
	i.account.receive(fromPipeline, rows)
	err := queued(ctx, data)
	queue := i.config.QueueSettings.Get()
	if err != nil && queue != nil && (!queue.WaitForResult || errors.Is(err, exporterhelper.ErrQueueIsFull)) {
		// Otherwise it is the outcome of the delivery, which has counted them.
		i.account.refuse(place{}, "not_queued", rows)
	}
	return err
}

// end is called after the last attempt at a delivery.
func (i *inserter) end(ctx context.Context, d *delivery) {
	parts := d.parts()
	for _, part := range parts {
		i.endPart(ctx, part)
	}
	if len(parts) == 0 {
		i.endPart(ctx, d)
	}
}

// endPart ends a delivery to one shard. What is not stored then is given up,
// unless a queue on disk keeps it for the next start.
func (i *inserter) endPart(ctx context.Context, d *delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if left := d.rows - d.done; left != 0 && !i.kept() {
		i.account.refuse(place{}, "given_up", left)
	}
	wait := time.Since(d.began)
	for phase, took := range d.took {
		wait -= took
		i.spent(ctx, phase, took)
	}
	i.spent(ctx, phaseWait, wait)
}

// phase is what a delivery's time is spent on.
type phase string

const (
	// phaseEncode makes columns of a request, and their digest.
	phaseEncode phase = "encode"
	// phaseSend is an INSERT, up to its answer.
	phaseSend phase = "send"
	// phaseWait is everything else: pauses between attempts, and the wait for
	// the tables. Not the wait in the queue.
	phaseWait phase = "wait"
)

func (i *inserter) spent(ctx context.Context, on phase, took time.Duration) {
	i.telemetry.Time.Add(ctx, max(0, took).Seconds(),
		metric.WithAttributes(append([]attribute.KeyValue{attribute.String("phase", string(on))}, i.account.attributes...)...))
}
