// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/otel/trace"
)

// identityKey is the key under which a request's identity lies among the
// metadata of its client, which the Collector's queue persists with the
// request (exporterhelper v0.155.0, xpdata/request: RequestContext).
const identityKey = "fathom-clickhouse-request"

// identified gives a request that was just accepted an identity, which it keeps
// for as long as it is in the queue, over restarts too. Two requests with the
// same rows are two sets of rows.
func identified(ctx context.Context) context.Context {
	info := client.FromContext(ctx)
	metadata := map[string][]string{}
	for key := range info.Metadata.Keys() {
		metadata[key] = info.Metadata.Get(key)
	}
	metadata[identityKey] = []string{newIdentity()}
	info.Metadata = client.NewMetadata(metadata)
	return client.NewContext(ctx, info)
}

func newIdentity() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}

// delivery is a request on its way from the queue to ClickHouse. All attempts
// to store it share it.
type delivery struct {
	identity string

	mu     sync.Mutex
	tables map[string]*progress
}

// progress is what became of a delivery's rows of one table. Attempts follow one
// another, and each inserts into a table only once at a time.
type progress struct {
	// parts are done with: stored, or refused for good.
	parts int
	// refused is why, of those that were refused.
	refused error
}

func newDelivery(ctx context.Context) *delivery {
	d := &delivery{tables: map[string]*progress{}}
	if identity := client.FromContext(ctx).Metadata.Get(identityKey); len(identity) == 1 {
		d.identity = identity[0]
	} else {
		d.identity = newIdentity() // a batch of several requests, in memory
	}
	return d
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

// token is the insert_deduplication_token of a part of the delivery's rows of a
// table. It is the same in each attempt, also after a restart, and differs
// where the part, or what is in it, does.
func (d *delivery) token(part int, digest uint64) string {
	return fmt.Sprintf("%s-%d-%016x", d.identity, part, digest)
}

type deliveryKey struct{}

// deliveryOf is the delivery that an attempt belongs to.
func deliveryOf(ctx context.Context) *delivery {
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok {
		return d
	}
	return newDelivery(ctx)
}

// withDeliveries has exporterhelper carry a delivery through all attempts at a
// request. It opens one span around them, behind queue and batches: what is in
// the span's context lives as long as it does.
func withDeliveries(set exporter.Settings) exporter.Settings {
	set.TracerProvider = deliveryProvider{set.TracerProvider}
	return set
}

type deliveryProvider struct{ trace.TracerProvider }

// Tracer is a tracer whose spans hold deliveries.
func (p deliveryProvider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return deliveryTracer{p.TracerProvider.Tracer(name, options...)}
}

type deliveryTracer struct{ trace.Tracer }

// Start starts a span, with a delivery in its context.
func (t deliveryTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.Tracer.Start(context.WithValue(ctx, deliveryKey{}, newDelivery(ctx)), name, options...)
}
