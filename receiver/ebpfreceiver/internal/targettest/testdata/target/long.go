// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// handleLong adds /long/{cause}, which spends ?ms= on one thing.
func handleLong(mux *http.ServeMux, tracer trace.Tracer) {
	spend := map[string]func(time.Duration, *http.Request) error{
		"sleep":   func(d time.Duration, _ *http.Request) error { time.Sleep(d); return nil },
		"mutex":   lockedFor,
		"channel": receiveAfter,
		"select":  selectAfter,
		"cpu":     spin,
		"file":    syncFor,
		"gc":      collectFor,
		"network": askSelf,
		"touch":   touch,
		"nested": func(d time.Duration, r *http.Request) error {
			ctx, outer := tracer.Start(r.Context(), "outer")
			defer outer.End()
			time.Sleep(d)
			_, inner := tracer.Start(ctx, "inner")
			defer inner.End()
			return lockedFor(d, r)
		},
	}
	mux.HandleFunc("GET /long/{cause}", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		work, ok := spend[r.PathValue("cause")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if err := work(time.Duration(ms)*time.Millisecond, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	// The body says how long each part took, in ns.
	mux.HandleFunc("GET /mixed", func(w http.ResponseWriter, r *http.Request) {
		ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		for _, part := range []string{"sleep", "cpu", "mutex", "channel"} {
			began := time.Now()
			// Of random length, so that no part keeps step with who looks on.
			_ = spend[part](time.Duration(float64(ms)*(0.5+rand.Float64())*1e6), r)
			fmt.Fprintln(w, part, time.Since(began).Nanoseconds())
		}
	})
}

func lockedFor(d time.Duration, _ *http.Request) error {
	var mu sync.Mutex
	mu.Lock()
	time.AfterFunc(d, mu.Unlock)
	mu.Lock()
	mu.Unlock() //nolint:staticcheck // the wait is the point
	return nil
}

func receiveAfter(d time.Duration, _ *http.Request) error {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	<-done
	return nil
}

func selectAfter(d time.Duration, _ *http.Request) error {
	done, never := make(chan struct{}), make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	select {
	case <-done:
	case <-never:
	}
	return nil
}

func spin(d time.Duration, _ *http.Request) error {
	for began := time.Now(); time.Since(began) < d; {
	}
	return nil
}

func syncFor(d time.Duration, r *http.Request) error {
	file, err := os.Create(r.URL.Query().Get("path"))
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for began := time.Now(); time.Since(began) < d; {
		if _, err := file.WriteAt(block, 0); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// ballast is what takes collections long: many pointers to few objects.
var ballast = sync.OnceValue(func() []*[16]byte {
	leaves := make([][16]byte, 1024)
	list := make([]*[16]byte, 4<<20)
	for i := range list {
		list[i] = &leaves[i%len(leaves)]
	}
	return list
})

// collectFor waits for collections. The first call makes the ballast.
func collectFor(d time.Duration, _ *http.Request) error {
	list := ballast()
	for began := time.Now(); time.Since(began) < d; {
		runtime.GC()
	}
	runtime.KeepAlive(list)
	return nil
}

func askSelf(d time.Duration, r *http.Request) error {
	response, err := http.Get(fmt.Sprintf("http://%s/long/sleep?ms=%d", r.Host, d.Milliseconds()))
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// touch makes files, and moves from thread to thread between them.
func touch(d time.Duration, r *http.Request) error {
	for i := range 3 {
		time.Sleep(time.Duration(rand.Int64N(int64(d) + 1)))
		if err := lockedFor(d/8, r); err != nil {
			return err
		}
		file, err := os.Create(fmt.Sprintf("%s.%d", r.URL.Query().Get("path"), i))
		if err != nil {
			return err
		}
		runtime.Gosched()
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}
