// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Started is what a handler says of the goroutines that it started: whose they
// are, by ID.
type Started struct {
	Own      uint64
	Children []uint64
	Nested   []uint64
}

// handleChildren serves what starts goroutines.
func handleChildren(mux *http.ServeMux, tracer trace.Tracer) {
	mux.HandleFunc("GET /children/files", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		_ = json.NewEncoder(w).Encode(fanOut(n, r.URL.Query().Get("path")))
	})
	mux.HandleFunc("GET /children/sdk", func(w http.ResponseWriter, r *http.Request) {
		_, span := tracer.Start(r.Context(), "around")
		fanOut(2, r.URL.Query().Get("path"))
		span.End()
		fmt.Fprintln(w, span.SpanContext().TraceID(), span.SpanContext().SpanID())
	})
	mux.HandleFunc("GET /children/get", func(w http.ResponseWriter, r *http.Request) {
		onChild(func() { onChild(func() { answer(w, &http.Client{Transport: &http.Transport{}}, r, r.Context()) }) })
	})
	mux.HandleFunc("GET /children/wait", func(w http.ResponseWriter, r *http.Request) {
		long := map[string]func(){"sleep": sleeps(400 * time.Millisecond), "lock": lock, "compute": compute}
		_, span := tracer.Start(context.Background(), "waits")
		started := waitFor(sleeps(time.Millisecond), long[r.URL.Query().Get("do")], sleeps(20*time.Millisecond))
		span.End()
		_ = json.NewEncoder(w).Encode(started)
	})
	mux.HandleFunc("GET /children/server", func(w http.ResponseWriter, r *http.Request) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		response, err := http.Get(server.URL + "/within")
		if err == nil {
			response.Body.Close()
		}
		fmt.Fprintln(w, err)
	})
	mux.HandleFunc("GET /children/runtime", func(w http.ResponseWriter, r *http.Request) {
		runtime.SetFinalizer(&Started{}, func(*Started) {})
		runtime.GC() // the first of a small program: it starts workers
		fmt.Fprintln(w, runtime.NumGoroutine())
	})
	handleOutliving(mux)
}

// handleOutliving starts a goroutine in one request, lets it work in another: by a
// channel with a buffer, so that it takes no work of that.
func handleOutliving(mux *http.ServeMux) {
	release, done := make(chan string, 1), make(chan struct{})
	mux.HandleFunc("GET /children/start", func(_ http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("url")
		go func() {
			touch(<-release)
			if response, err := http.Get(to); err == nil {
				response.Body.Close()
			}
			done <- struct{}{}
		}()
	})
	mux.HandleFunc("GET /children/release", func(_ http.ResponseWriter, r *http.Request) {
		release <- r.URL.Query().Get("path")
		<-done
	})
}

func fanOut(n int, path string) Started {
	started := Started{Own: goroutineID(), Children: make([]uint64, n), Nested: make([]uint64, n)}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			started.Children[i] = goroutineID()
			touch(path)
			onChild(func() {
				started.Nested[i] = goroutineID()
				touch(path)
			})
		})
	}
	group.Wait()
	return started
}

func sleeps(d time.Duration) func() { return func() { time.Sleep(d) } }

// lock waits for a lock that is held for 200 ms.
func lock() {
	var mu sync.Mutex
	mu.Lock()
	time.AfterFunc(200*time.Millisecond, mu.Unlock)
	mu.Lock()
}

// compute uses 100 ms of CPU time, by the kernel's account of its thread.
func compute() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for begun := threadTime(); threadTime()-begun < 100*time.Millisecond; {
		for range 1 << 20 { //nolint:revive // it takes time
		}
	}
}

func threadTime() time.Duration {
	var usage syscall.Rusage
	const ownThread = 1 // RUSAGE_THREAD
	_ = syscall.Getrusage(ownThread, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// waitFor waits for goroutines that do what is given, then for a short while for
// another that hands over a value.
func waitFor(each ...func()) Started {
	started := Started{Own: goroutineID(), Children: make([]uint64, len(each))}
	var group sync.WaitGroup
	for i, do := range each {
		group.Go(func() {
			started.Children[i] = goroutineID()
			do()
		})
	}
	group.Wait()
	handed := make(chan uint64)
	go func() {
		time.Sleep(time.Millisecond)
		handed <- goroutineID()
	}()
	started.Nested = []uint64{<-handed}
	return started
}

// onChild calls f on another goroutine and waits for it.
func onChild(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func touch(path string) {
	if file, err := os.Open(path); err == nil {
		file.Close()
	}
}

// goroutineID reads "goroutine 42 [running]:".
func goroutineID() uint64 {
	stack := bytes.Fields(debug.Stack())
	id, _ := strconv.ParseUint(string(stack[1]), 10, 64)
	return id
}
