// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Spans makes spans as a busy server does, at the rate that each line of its
// standard input asks for, such as
//
//	{"rate": 10000, "period": 2000000000}
//
// and answers each with a line that says how many it made and how long their ends
// and the operations around them took. With -exporter its SDK exports by OTLP/HTTP,
// without it has no span processor at all.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "spans:", err)
		os.Exit(1)
	}
}

// asked is a line of the input.
type asked struct {
	Rate   float64       // spans a second
	Period time.Duration // for which they are made
}

// answer is what was made.
type answer struct {
	// Made is the number of spans, and Took how long they took to make and, with an
	// exporter, to export.
	Made int
	Took time.Duration
	// Dropped is how many spans the SDK's processor has had no room for, as it logs
	// it, and Failed how many its exporter could not deliver, since the program
	// began.
	Dropped, Failed int64
	// End is how long the ends of spans took, and Operation what from the start of a
	// span to after its end.
	End, Operation quantiles
}

// quantiles of times.
type quantiles struct{ P50, P99 time.Duration }

func quantilesOf(times []time.Duration) quantiles {
	slices.Sort(times)
	at := func(q float64) time.Duration { return times[int(q*float64(len(times)-1))] }
	return quantiles{P50: at(0.5), P99: at(0.99)}
}

func serve() (err error) {
	endpoint := flag.String("exporter", "", "`URL` to export to by OTLP/HTTP")
	flag.Parse()
	var lost losses
	provider, err := newProvider(*endpoint, &lost)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, provider.Shutdown(context.Background())) }()
	output := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var a asked
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return fmt.Errorf("reading what is asked: %w", err)
		}
		began := time.Now()
		made := makeSpans(provider, a)
		if err := provider.ForceFlush(context.Background()); err != nil {
			return fmt.Errorf("exporting the last spans: %w", err)
		}
		made.Took = time.Since(began)
		made.Dropped, made.Failed = lost.dropped.Load(), lost.failed.Load()
		if err := output.Encode(made); err != nil {
			return err
		}
	}
	return nil
}

// losses of the SDK, in spans.
type losses struct{ dropped, failed atomic.Int64 }

func newProvider(endpoint string, lost *losses) (*sdktrace.TracerProvider, error) {
	described := resource.NewSchemaless(
		attribute.String("service.name", "spans"), attribute.String("service.version", "1.4.2"),
		attribute.String("deployment.environment.name", "bench"), attribute.Int("process.pid", os.Getpid()),
	)
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(described)}
	if endpoint != "" {
		exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(endpoint))
		if err != nil {
			return nil, fmt.Errorf("making the exporter: %w", err)
		}
		lost.watch()
		options = append(options, sdktrace.WithBatcher(counted{exporter, lost}))
	}
	return sdktrace.NewTracerProvider(options...), nil
}

// watch takes the number of spans that the batch processor had no room for out of
// the line that it logs at each export: it is told nowhere else.
func (l *losses) watch() {
	const debug = 8 // of go.opentelemetry.io/otel/internal/global/internal_logging.go
	options := funcr.Options{Verbosity: debug, RenderArgsHook: func(pairs []any) []any {
		for i := 0; i+1 < len(pairs); i += 2 {
			if total, ok := pairs[i+1].(uint32); ok && pairs[i] == "total_dropped" {
				l.dropped.Store(int64(total))
			}
		}
		return nil
	}}
	otel.SetLogger(funcr.New(func(string, string) {}, options))
}

// counted counts what an exporter does not deliver.
type counted struct {
	sdktrace.SpanExporter
	lost *losses
}

func (c counted) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	if err != nil {
		c.lost.failed.Add(int64(len(spans)))
	}
	return err
}
