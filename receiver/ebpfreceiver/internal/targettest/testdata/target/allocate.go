// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/sdk/trace"
)

var (
	keepers sync.Mutex
	kept    [][]byte
	wasted  []byte
)

// serveAllocate allocates n blocks of a size in a span of the SDK, every eighth
// of which is kept; and serves what the runtime itself tells of allocations.
func serveAllocate(mux *http.ServeMux, provider *trace.TracerProvider) {
	tracer := provider.Tracer("target")
	mux.HandleFunc("GET /allocate", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		_, span := tracer.Start(context.Background(), "allocate")
		keepers.Lock()
		for i := range n {
			if i%8 == 0 {
				keep(size)
			} else {
				waste(size)
			}
		}
		keepers.Unlock()
		span.End()
		fmt.Fprint(w, span.SpanContext().TraceID(), " ", span.SpanContext().SpanID())
	})
	mux.HandleFunc("GET /heap", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC() // three publish all that was allocated before
		runtime.GC()
		runtime.GC()
		if err := pprof.Lookup("allocs").WriteTo(w, 0); err != nil {
			fmt.Println(err)
		}
	})
}

//go:noinline
func keep(size int) { kept = append(kept, block(size)) }

//go:noinline
func waste(size int) { wasted = block(size) }

func block(size int) []byte { return make([]byte, size) }
