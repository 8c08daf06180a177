// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// workers share the rate. Each makes some spans at once and then sleeps: a wake-up a
// span would cost more than the span.
const (
	workers = 4
	atOnce  = 10
)

// makeSpans keeps to the rate as long as the machine can: who is late catches up.
func makeSpans(provider *sdktrace.TracerProvider, a asked) answer {
	var (
		mu              sync.Mutex
		ends, operation []time.Duration
		all             sync.WaitGroup
	)
	pause := time.Duration(workers * atOnce / a.Rate * float64(time.Second))
	turns := int(a.Period / pause)
	began := time.Now()
	for range workers {
		all.Go(func() {
			w := worker{tracer: provider.Tracer("shop/orders", trace.WithInstrumentationVersion("0.9.0")), body: make([]byte, 16<<10)}
			for turn := range turns {
				time.Sleep(time.Until(began.Add(time.Duration(turn) * pause)))
				for range atOnce {
					w.operate()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			ends, operation = append(ends, w.ends...), append(operation, w.operations...)
		})
	}
	all.Wait()
	return answer{Made: len(ends), End: quantilesOf(slices.Clone(ends)), Operation: quantilesOf(operation)}
}

// worker makes spans one after the other and keeps how long they took.
type worker struct {
	tracer           trace.Tracer
	body             []byte
	made             int
	before           trace.SpanContext
	ends, operations []time.Duration
}

// Each so many spans have an event, a link, an error, a list.
const (
	eachEvent = 4
	eachList  = 8
	eachLink  = 16
	eachError = 50
)

var errSoldOut = errors.New("orders: the item is sold out")

// operate does what a handler of a small request does, in a span of 8 to 12
// attributes.
func (w *worker) operate() {
	w.made++
	began := time.Now()
	_, span := w.tracer.Start(context.Background(), "GET /orders/{id}", w.options()...)
	sum := sha256.Sum256(w.body)
	w.body[0] = sum[0]
	w.describe(span, sum)
	ending := time.Now()
	span.End()
	ended := time.Now()
	w.ends = append(w.ends, ended.Sub(ending))
	w.operations = append(w.operations, ended.Sub(began))
	w.before = span.SpanContext()
}

// options are what an instrumentation knows of a request when it comes.
func (w *worker) options() []trace.SpanStartOption {
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", "GET"), attribute.String("url.scheme", "https"),
		attribute.String("url.path", "/orders/"+strconv.Itoa(w.made)), attribute.String("server.address", "shop.example.com"),
		attribute.String("network.peer.address", "10.20.30.40"), attribute.Int("network.peer.port", 40000+w.made%10000),
		attribute.String("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
	)}
	if w.made%eachLink == 0 {
		options = append(options, trace.WithLinks(trace.Link{
			SpanContext: w.before, Attributes: []attribute.KeyValue{attribute.String("messaging.operation.type", "receive")},
		}))
	}
	return options
}

// describe is what a handler adds, and the instrumentation when it is done.
func (w *worker) describe(span trace.Span, sum [sha256.Size]byte) {
	if w.made%2 == 0 {
		span.SetAttributes(attribute.Int("order.items", int(sum[1])), attribute.Float64("order.total", float64(sum[2])/4), attribute.Bool("order.express", sum[3] > 100))
	}
	if w.made%eachList == 0 {
		span.SetAttributes(attribute.StringSlice("order.sku", []string{"A-1001", "B-2002", "C-3003"}))
	}
	if w.made%eachEvent == 0 {
		span.AddEvent("cache.miss", trace.WithAttributes(attribute.String("cache.key", "order"), attribute.Int("cache.size", w.made)))
	}
	status := 200
	if w.made%eachError == 0 {
		span.RecordError(errSoldOut)
		span.SetStatus(codes.Error, errSoldOut.Error())
		status = 409
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
}
