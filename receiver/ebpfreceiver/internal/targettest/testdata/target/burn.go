// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
)

// serveBurn burns CPU time in a span of the SDK, and tells its IDs.
func serveBurn(mux *http.ServeMux, provider *trace.TracerProvider) {
	tracer := provider.Tracer("target")
	mux.HandleFunc("GET /burn", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		_, span := tracer.Start(context.Background(), "burn")
		burn(time.Duration(ms) * time.Millisecond)
		span.End()
		fmt.Fprint(w, span.SpanContext().TraceID(), " ", span.SpanContext().SpanID())
	})
}

//go:noinline
func burn(d time.Duration) {
	sum := uint64(1)
	for start := time.Now(); time.Since(start) < d; {
		sum += hot(sum)
	}
	if sum == 0 {
		fmt.Println("never")
	}
}

// hot takes some hundred microseconds, all of them in what is inlined into it.
//
//go:noinline
func hot(seed uint64) uint64 {
	for range 200_000 {
		seed = stir(seed)
	}
	return seed
}

func stir(x uint64) uint64 {
	x ^= x << 13
	x ^= x >> 7
	return x ^ x<<17
}
