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
