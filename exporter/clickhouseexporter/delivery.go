// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/trace"
)

// identityKey is the key under which a request's identity lies among the
// metadata of its client, which the Collector's queue persists with the
// request (exporterhelper v0.155.0, xpdata/request: RequestContext).
const identityKey = "fathom-clickhouse-request"

// identified gives a request that a queue on disk is to take an identity, which
// it keeps for as long as it is in the queue, over restarts too. Two requests with
// the same rows are two sets of rows.
func identified(ctx context.Context, identity string) context.Context {
	info := client.FromContext(ctx)
	metadata := map[string][]string{}
	for key := range info.Metadata.Keys() {
		metadata[key] = info.Metadata.Get(key)
	}
	metadata[identityKey] = []string{identity}
	info.Metadata = client.NewMetadata(metadata)
	return client.NewContext(ctx, info)
}

// identities makes the identities of one life of an exporter: they begin alike,
// at random.
type identities string

func newIdentities() identities { return identities(random()) }

func (i identities) next() string { return string(i) + random() }

// made reports whether it made an identity, and no earlier life did.
func (i identities) made(identity string) bool { return strings.HasPrefix(identity, string(i)) }

func random() string {
	var bytes [8]byte
	_, _ = rand.Read(bytes[:]) // it never fails
	return hex.EncodeToString(bytes[:])
}

// delivery is a request on its way from the queue to ClickHouse. All attempts
// to store it share it.
type delivery struct {
	identity string

	began time.Time

	// over is set once a shard is done with its part, for outcome. Attempts follow
	// one another.
	over    bool
	outcome error

	mu     sync.Mutex
	tables map[string]*progress
	// shards are the deliveries to each shard, of one that is spread.
	shards map[int]*delivery
	// attempts were begun.
	attempts int
	// rows of the request, and those of them that were stored or refused for good.
	rows, done int
	took       map[phase]time.Duration
}

// progress is what became of a delivery's rows of one table. Attempts follow one
// another, and each inserts into a table only once at a time.
type progress struct {
	// parts are done with: stored, or refused for good.
	parts int
	// part is the one that is being inserted.
	part search
	// refused is why, of those that were refused whole.
	refused error
	// complete is set once all were stored, and their corrections counted.
	complete bool
}

// newDelivery is the delivery of a request, or of a batch that was formed behind a
// queue in memory: of several requests, or of a part of one. Parts of one request
// may be the same rows, so that each delivery from memory has an identity of its
// own.
func (i *inserter) newDelivery(ctx context.Context) *delivery {
	d := &delivery{began: time.Now(), tables: map[string]*progress{}, took: map[phase]time.Duration{}}
	kept := client.FromContext(ctx).Metadata.Get(identityKey)
	switch {
	case !i.config.persists():
		d.identity = i.identities.next()
	case len(kept) == 1:
		d.identity = kept[0]
	default: // an exporter that knew no identities left it in the queue
		d.identity = newIdentities().next()
	}
	return d
}

// shard is the delivery of the rows of a shard. It has the identity of all: the
// same token in the tables of two shards means nothing.
func (d *delivery) shard(n int) *delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	part := d.shards[n]
	if part == nil {
		part = &delivery{identity: d.identity, began: d.began, tables: map[string]*progress{}, took: map[phase]time.Duration{}}
		if d.shards == nil {
			d.shards = map[int]*delivery{}
		}
		d.shards[n] = part
	}
	return part
}

// parts are the deliveries to each shard that rows were for.
func (d *delivery) parts() []*delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.shards))
}

// settled adds rows that were stored, or refused for good.
func (d *delivery) settled(rows int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done += rows
}

// spend adds the time since a moment to a phase.
func (d *delivery) spend(on phase, since time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.took[on] += time.Since(since)
}

func (d *delivery) progress(table string) *progress {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.tables[table]
	if p == nil {
		p = &progress{}
		d.tables[table] = p
	}
	return p
}

// token is the insert_deduplication_token of a unit of the delivery's rows of a
// table. It is the same in each attempt, also after a restart, and differs
// where the unit, or what is in it, does.
func (d *delivery) token(unit string, digest uint64) string {
	return fmt.Sprintf("%s-%s-%016x", d.identity, unit, digest)
}

type deliveryKey struct{}

// deliveryOf is the delivery that an attempt belongs to.
func (i *inserter) deliveryOf(ctx context.Context) *delivery {
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok {
		return d
	}
	return i.newDelivery(ctx)
}

// withDeliveries has exporterhelper carry a delivery through all attempts at a
// request. It opens one span around them, behind queue and batches: what is in
// the span's context lives as long as it does.
func (i *inserter) withDeliveries(set exporter.Settings) exporter.Settings {
	set.TracerProvider = deliveryProvider{set.TracerProvider, i}
	return set
}

type deliveryProvider struct {
	trace.TracerProvider
	inserter *inserter
}

// Tracer is a tracer whose spans hold deliveries.
func (p deliveryProvider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return deliveryTracer{p.TracerProvider.Tracer(name, options...), p.inserter}
}

type deliveryTracer struct {
	trace.Tracer
	inserter *inserter
}

// Start starts a span, with a delivery in its context.
func (t deliveryTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	d := t.inserter.newDelivery(ctx)
	ctx, span := t.Tracer.Start(context.WithValue(ctx, deliveryKey{}, d), name, options...)
	span = deliverySpan{span, func() { t.inserter.end(context.WithoutCancel(ctx), d) }}
	return trace.ContextWithSpan(ctx, span), span
}

type deliverySpan struct {
	trace.Span
	ended func()
}

// End ends the span and the delivery.
func (s deliverySpan) End(options ...trace.SpanEndOption) {
	s.ended()
	s.Span.End(options...)
}
