// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Target is a server under observation: each path spends its time on one thing.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	tracer := trace.NewTracerProvider().Tracer("target")
	var mu sync.Mutex

	mux := http.NewServeMux()
	mux.HandleFunc("GET /sleep/{id}", func(http.ResponseWriter, *http.Request) { time.Sleep(20 * time.Millisecond) })
	mux.HandleFunc("GET /mutex", func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		go func() {
			time.Sleep(20 * time.Millisecond)
			mu.Unlock()
		}()
		mu.Lock()
		mu.Unlock() //nolint:staticcheck // the wait is the point
	})
	mux.HandleFunc("GET /channel", func(http.ResponseWriter, *http.Request) {
		done := make(chan struct{})
		time.AfterFunc(20*time.Millisecond, func() { close(done) })
		<-done
	})
	mux.HandleFunc("GET /cpu", func(http.ResponseWriter, *http.Request) {
		for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		}
	})
	mux.HandleFunc("GET /fsync", func(w http.ResponseWriter, r *http.Request) {
		if err := write(r.URL.Query().Get("path")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /network", func(_ http.ResponseWriter, r *http.Request) {
		if response, err := http.Get("http://" + r.Host + "/sleep/1"); err == nil {
			response.Body.Close()
		}
	})
	mux.HandleFunc("GET /leak", func(_ http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		leak(n)
	})
	mux.HandleFunc("GET /gc", func(http.ResponseWriter, *http.Request) { runtime.GC() })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("GET /hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("GET /hijack", func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprint(connection, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			connection.Close()
		}
	})
	unsampled := trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())).Tracer("target")
	mux.HandleFunc("GET /unsampled", func(http.ResponseWriter, *http.Request) {
		_, span := unsampled.Start(context.Background(), "never")
		span.End()
	})
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		for range n {
			_, span := tracer.Start(context.Background(), "elsewhere")
			ended := make(chan struct{})
			go func() {
				span.End()
				close(ended)
			}()
			<-ended
		}
		_, span := tracer.Start(context.Background(), "here")
		span.End()
		fmt.Fprintln(w, span.SpanContext().SpanID())
	})
	mux.HandleFunc("GET /sdk", func(w http.ResponseWriter, _ *http.Request) {
		ctx, outer := tracer.Start(context.Background(), "outer")
		_, inner := tracer.Start(ctx, "inner")
		time.Sleep(10 * time.Millisecond)
		inner.End()
		outer.End()
		fmt.Fprint(w, outer.SpanContext().TraceID(), " ", outer.SpanContext().SpanID(), " ", inner.SpanContext().SpanID())
	})
	serveKernel(mux)
	handleLong(mux, tracer)
	serveBurn(mux, trace.NewTracerProvider())
	serveAllocate(mux, trace.NewTracerProvider())
	server := &http.Server{Handler: mux, ConnState: serveOddities(mux, tracer)}
	fmt.Fprintln(os.Stderr, server.Serve(listener))
}

// leak starts goroutines that wait for what nobody sends.
func leak(n int) {
	for range n {
		go func() { <-make(chan struct{}) }()
	}
}

func write(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for range 64 {
		if _, err := file.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
	}
	return file.Sync()
}
