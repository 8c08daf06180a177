// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// compute has more to compute than there are Ps.
func compute(r *run) error {
	r.each(perP(3), "compute", func(int) {
		for range 4 {
			spin(r.part(12))
			runtime.Gosched()
		}
	})
	return nil
}

// pool hands jobs to workers and waits for what they answer. Jobs are spans too.
func pool(r *run) error {
	jobs := make(chan chan<- time.Time)
	var workers sync.WaitGroup
	for range perP(2) {
		workers.Go(func() {
			for answer := range jobs {
				r.span("job", func() { spin(r.part(8)) })
				answer <- time.Now()
			}
		})
	}
	r.each(perP(3), "submit", func(int) {
		answer := make(chan time.Time)
		jobs <- answer
		<-answer
	})
	close(jobs)
	workers.Wait()
	return nil
}

// fanOut splits its work and waits for all parts.
func fanOut(r *run) error {
	r.each(2, "fan out", func(int) {
		var parts sync.WaitGroup
		for i := range 6 {
			parts.Go(func() {
				spin(r.part(24))
				time.Sleep(r.part(12) * time.Duration(i))
			})
		}
		spin(r.part(12))
		parts.Wait()
	})
	return nil
}

// pipeline sends items through stages that each have a goroutine.
func pipeline(r *run) error {
	const items = 4
	r.each(2, "batch", func(int) {
		first := make(chan int, 1)
		last := first
		for range 3 {
			in, out := last, make(chan int, 1)
			go func() {
				defer close(out)
				for item := range in {
					spin(r.part(40))
					out <- item + 1
				}
			}()
			last = out
		}
		go func() {
			defer close(first)
			for item := range items {
				spin(r.part(40))
				first <- item
			}
		}()
		for range last {
			spin(r.part(40))
		}
	})
	return nil
}

// mutex has a lock that everybody wants.
func mutex(r *run) error {
	var mu sync.Mutex
	r.each(perP(3), "locked", func(int) {
		for range 2 {
			mu.Lock()
			spin(r.part(12))
			mu.Unlock()
			spin(r.part(24))
		}
	})
	return nil
}

// condition hands out tokens that everybody waits for.
func condition(r *run) error {
	var mu sync.Mutex
	free := sync.NewCond(&mu)
	tokens := 2
	r.each(6, "token", func(int) {
		mu.Lock()
		for tokens == 0 {
			free.Wait()
		}
		tokens--
		mu.Unlock()
		time.Sleep(r.part(4))
		spin(r.part(12))
		mu.Lock()
		tokens++
		mu.Unlock()
		free.Signal()
	})
	return nil
}

// timers wait for the clock in several ways.
func timers(r *run) error {
	never := make(chan struct{})
	r.each(4, "timer", func(int) {
		time.Sleep(r.part(4))
		select {
		case <-time.After(r.part(4)):
		case <-never:
		}
		ticker := time.NewTicker(r.part(4))
		defer ticker.Stop()
		<-ticker.C
		spin(r.part(12))
	})
	return nil
}

// node is what the collector has to follow.
type node struct {
	next *node
	data [48]byte
}

// collect allocates more than the collector likes. A collection takes some
// milliseconds: its spans are longer than others.
func collect(r *run) error {
	var live *node
	for range 1 << 17 {
		live = &node{next: live}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	r.each(perP(2), "allocate", func(int) {
		var garbage []byte
		for began := time.Now(); time.Since(began) < 4*r.length; {
			garbage = make([]byte, 32<<10)
		}
		runtime.KeepAlive(garbage)
	})
	runtime.KeepAlive(live)
	return nil
}
