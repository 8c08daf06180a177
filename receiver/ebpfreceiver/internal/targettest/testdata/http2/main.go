// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Http2 is servers under observation that speak HTTP/2, of net/http and of
// golang.org/x/net, over TLS and without, which say what they answered.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// answered is what a server says of one request.
type answered struct {
	Method, Path, Proto string
	Status              int // 0: the handler panicked
}

// book is what the servers say, in the order of the ends of requests.
type book struct {
	mu   sync.Mutex
	says []answered
}

func (b *book) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = json.NewEncoder(w).Encode(b.says)
}

// recorder sees the status.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a handler flush.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (b *book) keeping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := &recorder{ResponseWriter: w, status: http.StatusOK}
		panicked := true
		defer func() {
			if panicked {
				recorded.status = 0
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.says = append(b.says, answered{r.Method, r.URL.Path, r.Proto, recorded.status})
		}()
		next.ServeHTTP(recorded, r)
		panicked = false
	})
}

func run() error {
	var kept book
	handler := kept.keeping(handlers())
	addresses, err := serve(handler)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /addresses", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(addresses) })
	mux.Handle("GET /book", &kept)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, mux)
}

// serve starts one server of each kind and returns their URLs.
func serve(handler http.Handler) (map[string]string, error) {
	ofTLS := httptest.NewUnstartedServer(handler)
	ofTLS.EnableHTTP2 = true
	ofTLS.StartTLS()
	module := httptest.NewUnstartedServer(handler)
	if err := http2.ConfigureServer(module.Config, nil); err != nil {
		return nil, err
	}
	module.TLS = module.Config.TLSConfig
	module.StartTLS()

	plain := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	plain.Protocols.SetUnencryptedHTTP2(true)
	addresses := map[string]string{"tls": ofTLS.URL, "module tls": module.URL}
	for name, server := range map[string]*http.Server{
		"plain": plain, "module": {Handler: h2c.NewHandler(handler, &http2.Server{})},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addresses[name] = "http://" + listener.Addr().String()
		go func() { fmt.Fprintln(os.Stderr, server.Serve(listener)) }()
	}
	return addresses, nil
}

func handlers() http.Handler {
	tracer := trace.NewTracerProvider().Tracer("http2")
	mux := http.NewServeMux()
	mux.HandleFunc("/sleep/{id}", func(http.ResponseWriter, *http.Request) { time.Sleep(20 * time.Millisecond) })
	mux.HandleFunc("/status/{code}/{id}", func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.PathValue("code"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/echo/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("/trailers/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-After")
		fmt.Fprintln(w, "body")
		w.Header().Set("X-After", "trailer")
	})
	mux.HandleFunc("/panic/{id}", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/hang/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/sdk/{id}", func(_ http.ResponseWriter, r *http.Request) {
		_, span := tracer.Start(r.Context(), "sdk")
		span.End()
	})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "up 1") })
	return mux
}
