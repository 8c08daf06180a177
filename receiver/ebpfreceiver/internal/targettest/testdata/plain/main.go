// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command plain is a server of the standard library alone, so that every release
// of Go that is observed builds it.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strings"
	"time"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	own := "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/sleep", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(100 * time.Millisecond)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/gc", func(http.ResponseWriter, *http.Request) { runtime.GC() })
	mux.HandleFunc("/nothing", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/call", func(w http.ResponseWriter, _ *http.Request) {
		response, err := http.Get(own + "/nothing")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	})
	handleWork(mux)
	handleHeap(mux)
	fmt.Println(listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, mux))
}

// handleWork hands values to goroutines that are there already.
func handleWork(mux *http.ServeMux) {
	received, selected, quit := make(chan chan int), make(chan chan int), make(chan struct{})
	go func() {
		for answer := range received {
			answer <- 1
		}
	}()
	go func() {
		for {
			select {
			case answer := <-selected:
				answer <- 1
			case <-quit:
				return
			}
		}
	}()
	mux.HandleFunc("/work", func(http.ResponseWriter, *http.Request) {
		for _, work := range []chan chan int{received, selected} {
			answer := make(chan int)
			work <- answer
			<-answer
		}
	})
}

// handleHeap allocates, and tells the program's own heap profile: for each stack
// the size of an object, and how many of them were sampled and freed.
func handleHeap(mux *http.ServeMux) {
	var kept [][]byte
	mux.HandleFunc("/allocate", func(http.ResponseWriter, *http.Request) {
		for i := 0; i < 4000; i++ {
			block := make([]byte, 10_000+1_000*(i%4))
			if i%8 == 0 {
				kept = append(kept, block)
			}
		}
		runtime.GC() // publishes what was allocated before the last but one
		runtime.GC()
		runtime.GC()
	})
	records := make([]runtime.MemProfileRecord, 1<<12)
	mux.HandleFunc("/heap", func(w http.ResponseWriter, _ *http.Request) {
		n, ok := runtime.MemProfile(records, true)
		if !ok {
			http.Error(w, "too much", http.StatusInternalServerError)
			return
		}
		var lines []string
		for _, r := range records[:n] {
			if r.AllocObjects > 0 {
				lines = append(lines, fmt.Sprintln(r.AllocBytes/r.AllocObjects, r.AllocObjects, r.FreeObjects))
			}
		}
		sort.Strings(lines)
		_, _ = io.WriteString(w, strings.Join(lines, ""))
	})
}
