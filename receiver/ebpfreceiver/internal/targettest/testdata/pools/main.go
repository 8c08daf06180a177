// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command pools is a server of the standard library alone whose requests hand work
// to goroutines that are there already. GET /KIND/NAME has the file NAME written in
// the folder that POOLS_FOLDER names, by the way that KIND says. It answers the ID of
// the goroutine that did it.
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// job is what is handed over.
type job struct {
	name  string
	lasts time.Duration
	until chan struct{} // to wait for, if there is one
	url   string        // to get, if any
	done  chan uint64
}

func (j job) do() {
	time.Sleep(j.lasts)
	if j.until != nil {
		<-j.until
	}
	write(j.name)
	if j.url != "" {
		if response, err := http.Get(j.url); err == nil {
			response.Body.Close()
		}
	}
	if j.done != nil {
		j.done <- goroutineID()
	}
}

func write(name string) {
	if err := os.WriteFile(filepath.Join(os.Getenv("POOLS_FOLDER"), name), nil, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// goroutineID reads "goroutine 42 [running]:".
func goroutineID() uint64 {
	id, _ := strconv.ParseUint(string(bytes.Fields(debug.Stack())[1]), 10, 64)
	return id
}

const workers = 4

// pool starts goroutines that take jobs from a channel.
func pool(jobs chan job) chan job {
	for i := 0; i < workers; i++ {
		go func() {
			for j := range jobs {
				j.do()
			}
		}()
	}
	return jobs
}

// send hands a job over and waits for its end.
func send(jobs chan job, j job) uint64 {
	j.done = make(chan uint64)
	jobs <- j
	return <-j.done
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	own := "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	handle := func(kind string, do func(name string) uint64) {
		mux.HandleFunc("/"+kind+"/", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, do(strings.TrimPrefix(r.URL.Path, "/"+kind+"/")))
		})
	}
	unbuffered := pool(make(chan job))
	handle("unbuffered", func(name string) uint64 { return send(unbuffered, job{name: name, lasts: 2 * time.Millisecond}) })
	handle("long", func(name string) uint64 { return send(unbuffered, job{name: name, lasts: 200 * time.Millisecond}) })
	released := make(chan struct{}, 1)
	handle("held", func(name string) uint64 { return send(unbuffered, job{name: name, until: released}) })
	handle("release", func(string) uint64 { released <- struct{}{}; return 0 })
	handle("get", func(name string) uint64 { return send(unbuffered, job{name: name, url: own + "/leaf/" + name}) })
	mux.HandleFunc("/addresses", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "{}") })
	handle("leaf", func(string) uint64 { return 0 })
	buffered := pool(make(chan job, workers))
	handle("buffered", func(name string) uint64 { return send(buffered, job{name: name}) })
	handle("selecting", func(name string) uint64 {
		j := job{name: name, done: make(chan uint64)}
		select {
		case unbuffered <- j:
			return <-j.done
		case <-time.After(time.Minute):
			return 0
		}
	})
	handle("nobody", func(name string) uint64 { // from a goroutine in no span
		nobodys <- job{name: name}
		return <-told
	})
	go forNobody(nobodys, unbuffered, told)
	var once sync.Once
	lazy := make(chan job)
	handle("lazy", func(name string) uint64 { // workers that the first request starts
		once.Do(func() { pool(lazy) })
		return send(lazy, job{name: name})
	})
	handleOthers(handle)
	fmt.Println(listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, mux))
}

var (
	nobodys, elses = make(chan job, 1), make(chan job, 1)
	told, toldElse = make(chan uint64, 1), make(chan uint64, 1)
	either         = make(chan job) // of workers that receive in a select
)

// forNobody hands over, from a goroutine in no span, what comes through a buffer.
func forNobody(from <-chan job, to chan job, told chan<- uint64) {
	for j := range from {
		told <- send(to, j)
	}
}

// handleOthers serves what is no hand-over, or none that can be proven.
func handleOthers(handle func(kind string, do func(name string) uint64)) {
	quit := make(chan struct{})
	handle("select", func(name string) uint64 { return send(either, job{name: name}) })
	handle("nobodyelse", func(name string) uint64 {
		elses <- job{name: name}
		return <-toldElse
	})
	go forNobody(elses, either, toldElse)
	ticker, ticking := time.NewTicker(time.Hour), make(chan job)
	handle("ticking", func(name string) uint64 { return send(ticking, job{name: name}) })
	for i := 0; i < workers; i++ {
		go func() {
			for {
				select {
				case j := <-either:
					j.do()
				case <-quit:
					return
				}
			}
		}()
		go func() { // the ticker's channel has a buffer
			for {
				select {
				case j := <-ticking:
					j.do()
				case <-ticker.C:
				}
			}
		}()
	}
	high, low := make(chan job), make(chan job)
	go func() { // takes what is urgent first
		for {
			var j job
			select {
			case j = <-high:
			default:
				j = <-low
			}
			j.do()
		}
	}()
	go forNobodyElse(low)
	handle("high", func(name string) uint64 {
		sent := make(chan uint64)
		go func() { sent <- send(high, job{name: name}) }()
		urgent <- job{name: name + ".low"}
		<-answered
		return <-sent
	})
	handleSignals(handle)
}

var urgent, answered = make(chan job, 1), make(chan uint64, 1)

// forNobodyElse sends one job before, so that the worker looks for an urgent one,
// and one after it.
func forNobodyElse(to chan job) {
	for j := range urgent {
		send(to, job{name: j.name + ".before", lasts: 20 * time.Millisecond})
		answered <- send(to, j)
	}
}

// handleSignals serves what wakes a goroutine without a value.
func handleSignals(handle func(kind string, do func(name string) uint64)) {
	var mu sync.Mutex
	waits := sync.NewCond(&mu)
	var named []string
	done := make(chan uint64)
	go func() {
		for {
			mu.Lock()
			for len(named) == 0 {
				waits.Wait()
			}
			name := named[0]
			named = named[1:]
			mu.Unlock()
			write(name)
			done <- goroutineID()
		}
	}()
	handle("cond", func(name string) uint64 {
		mu.Lock()
		named = append(named, name)
		mu.Unlock()
		waits.Signal()
		return <-done
	})
	type closing struct {
		name   string
		values chan job
	}
	closings := make(chan closing, 1)
	go func() {
		for c := range closings {
			j := <-c.values
			for range c.values { // until it is closed
			}
			write(c.name + j.name)
			done <- goroutineID()
		}
	}()
	handle("close", func(name string) uint64 {
		values := make(chan job)
		closings <- closing{name, values}
		time.Sleep(10 * time.Millisecond)
		close(values)
		return <-done
	})
	handle("last", func(name string) uint64 { // one value, and the channel is closed
		values := make(chan job)
		closings <- closing{"", values}
		values <- job{name: name}
		close(values)
		return <-done
	})
	signals, names := make(chan struct{}), make(chan string, 1)
	go func() {
		for range signals {
			write(<-names)
			done <- goroutineID()
		}
	}()
	handle("signal", func(name string) uint64 {
		names <- name
		signals <- struct{}{}
		return <-done
	})
}
