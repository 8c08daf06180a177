// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// handleClients serves what sends requests: to the URL that the query names.
func handleClients(mux *http.ServeMux, tracer trace.Tracer, provider *sdk.TracerProvider) {
	second := httptest.NewUnstartedServer(http.NotFoundHandler())
	second.EnableHTTP2 = true
	second.StartTLS()
	instrumented := &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(provider))}

	mux.HandleFunc("GET /get", func(w http.ResponseWriter, r *http.Request) { answer(w, http.DefaultClient, r, r.Context()) })
	mux.HandleFunc("GET /http2", func(w http.ResponseWriter, r *http.Request) {
		response, err := second.Client().Get(second.URL + "/nothing?secret=1")
		fmt.Fprintln(w, err)
		if err == nil {
			response.Body.Close()
		}
	})
	mux.HandleFunc("GET /sdk/transport", func(w http.ResponseWriter, r *http.Request) { answer(w, instrumented, r, r.Context()) })
	mux.HandleFunc("GET /sdk/{kind}", func(w http.ResponseWriter, r *http.Request) {
		kind := trace.SpanKindInternal
		if r.PathValue("kind") == "client" {
			kind = trace.SpanKindClient
		}
		ctx, span := tracer.Start(r.Context(), "around", trace.WithSpanKind(kind))
		defer span.End()
		fmt.Fprintln(w, span.SpanContext().TraceID(), span.SpanContext().SpanID())
		answer(w, http.DefaultClient, r, ctx)
	})
	work := make(chan func(), 1) // with a buffer: nobody can tell whose work is taken
	go func() {
		for f := range work {
			f()
		}
	}()
	mux.HandleFunc("GET /outside", func(w http.ResponseWriter, r *http.Request) {
		done := make(chan struct{})
		work <- func() {
			defer close(done)
			answer(w, http.DefaultClient, r, context.Background())
		}
		<-done
	})
	mux.HandleFunc("GET /timeout", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond)
		defer cancel()
		answer(w, http.DefaultClient, r, ctx)
	})
	mux.HandleFunc("GET /panicking", func(w http.ResponseWriter, r *http.Request) {
		sendAndRecover(r)
		answer(w, &http.Client{Transport: deep{}}, r, r.Context())
	})
	mux.HandleFunc("GET /wait", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

func answer(w http.ResponseWriter, client *http.Client, r *http.Request, ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL.Query().Get("url"), nil)
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	response.Body.Close()
	fmt.Fprintln(w, response.Status)
}

// panicking has a client that never returns.
type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("no round trip") }

func sendAndRecover(r *http.Request) {
	defer func() { _ = recover() }()
	request := r.Clone(r.Context())
	request.RequestURI = ""
	_, _ = (&http.Client{Transport: panicking{}}).Do(request)
}

// deep makes the stack grow, so that it is moved while the request is sent.
type deep struct{}

func (deep) RoundTrip(r *http.Request) (*http.Response, error) {
	if grow(1<<14) == 0 {
		return nil, http.ErrAbortHandler
	}
	return http.DefaultTransport.RoundTrip(r)
}

//go:noinline
func grow(n int) int {
	var frame [64]byte
	frame[n%64] = 1
	if n == 0 {
		return 1
	}
	return grow(n-1) * int(frame[n%64])
}
