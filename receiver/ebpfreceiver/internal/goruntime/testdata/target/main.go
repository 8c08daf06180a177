// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command target is a program that the tests observe. It obeys commands on its
// standard input, one a line, and answers each with one line: for "read" what
// its own runtime/metrics say, for "stacks" in which states its goroutines are,
// else "ok". It links few packages and is written for Go 1.21, since the tests
// build it with each release from there on.
package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"time"
)

func main() {
	p := program{samples: samples(os.Args[1:])}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		if err := p.obey(input.Text()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func samples(names []string) []metrics.Sample {
	s := make([]metrics.Sample, len(names))
	for i, name := range names {
		s[i].Name = name
	}
	return s
}

type program struct {
	samples  []metrics.Sample
	retained [][]byte
	mutex    sync.Mutex
	stop     chan struct{}
	workers  sync.WaitGroup
}

func (p *program) obey(command string) error {
	switch command {
	case "read":
		return p.read()
	case "stacks":
		return stacks()
	case "busy":
		p.busy()
	case "rest":
		close(p.stop)
		p.workers.Wait()
	case "grow":
		p.retain()
		spawn()
	case "spawn":
		spawn()
	case "park":
		p.park()
	case "contend":
		p.contend()
	case "collect":
		runtime.GC()
	case "configure":
		debug.SetGCPercent(50)
		debug.SetMemoryLimit(300 << 20)
		runtime.GOMAXPROCS(3)
	case "squeeze": // the memory limit decides on the heap goal
		debug.SetMemoryLimit(200 << 20)
		debug.SetGCPercent(-1)
	default:
		return fmt.Errorf("unknown command %q", command)
	}
	_, err := fmt.Println("ok")
	return err
}

// read answers with name, kind and numbers of each metric: u and the number, f
// and the bits of a float64, h and the number of counts, the counts, and the bits
// of the bounds. Metrics that this release has not are left out.
func (p *program) read() error {
	metrics.Read(p.samples)
	var line strings.Builder
	for _, s := range p.samples {
		switch s.Value.Kind() {
		case metrics.KindUint64:
			fmt.Fprintf(&line, "%s u %d ", s.Name, s.Value.Uint64())
		case metrics.KindFloat64:
			fmt.Fprintf(&line, "%s f %d ", s.Name, math.Float64bits(s.Value.Float64()))
		case metrics.KindFloat64Histogram:
			h := s.Value.Float64Histogram()
			fmt.Fprintf(&line, "%s h %d ", s.Name, len(h.Counts))
			for _, count := range h.Counts {
				fmt.Fprintf(&line, "%d ", count)
			}
			for _, bound := range h.Buckets {
				fmt.Fprintf(&line, "%d ", math.Float64bits(bound))
			}
		}
	}
	_, err := fmt.Println(strings.TrimSpace(line.String()))
	return err
}

// stackBuffer is no part of the heap: printing stacks is no reason to collect.
var stackBuffer [8 << 20]byte

// stacks answers with what the runtime prints of its goroutines' states,
// separated by semicolons: "running;chan receive;select".
func stacks() error {
	text := stackBuffer[:runtime.Stack(stackBuffer[:], true)]
	var states []string
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "goroutine ") || !strings.HasSuffix(line, "]:") {
			continue
		}
		state := line[strings.LastIndex(line, "[")+1 : len(line)-2]
		if comma := strings.Index(state, ","); comma >= 0 { // ", 2 minutes" and ", locked to thread"
			state = state[:comma]
		}
		states = append(states, strings.TrimSuffix(state, " (scan)"))
	}
	_, err := fmt.Println(strings.Join(states, ";"))
	return err
}

// retain keeps memory of all kinds of sizes.
func (p *program) retain() {
	for i := 0; i < 2000; i++ {
		p.retained = append(p.retained, make([]byte, 1+i*i%9000), make([]byte, 40000))
		if i%200 == 0 {
			runtime.Gosched()
		}
	}
}

// spawn keeps parked goroutines with stacks, and ends others.
func spawn() {
	parked := make(chan struct{})
	var ready sync.WaitGroup
	for i := 0; i < 1000; i++ {
		ready.Add(1)
		go func() {
			deep(40)
			ready.Done()
			<-parked
		}()
	}
	for i := 0; i < 500; i++ { // these end, and fill the free lists
		ready.Add(1)
		go ready.Done()
	}
	ready.Wait()
}

// park keeps goroutines that wait for different things.
func (p *program) park() {
	var ready, never sync.WaitGroup
	never.Add(1)
	p.mutex.Lock()
	full := make(chan int)
	for n, wait := range []func(){
		func() { p.mutex.Lock() },
		func() { select {} },
		func() { full <- 1 },
		func() { never.Wait() },
		func() { time.Sleep(time.Hour) },
	} {
		for i := 0; i < 3+n; i++ {
			ready.Add(1)
			go func(wait func()) { ready.Done(); wait() }(wait)
		}
	}
	ready.Wait()
}

// contend makes goroutines wait for a mutex and ends them.
func (p *program) contend() {
	var mutex sync.Mutex
	var done sync.WaitGroup
	for i := 0; i < 8; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for j := 0; j < 20; j++ {
				mutex.Lock()
				time.Sleep(100 * time.Microsecond)
				mutex.Unlock()
			}
		}()
	}
	done.Wait()
}

//go:noinline
func deep(n int) int {
	var pad [128]byte
	if n == 0 {
		return len(strings.TrimSpace(string(pad[:1])))
	}
	pad[n] = byte(n)
	return deep(n-1) + int(pad[n])
}

// busy lets workers allocate, hand work over and start goroutines until "rest".
func (p *program) busy() {
	p.stop = make(chan struct{})
	for i := 0; i < 4; i++ {
		p.workers.Add(1)
		go p.work()
	}
}

func (p *program) work() {
	defer p.workers.Done()
	answers := make(chan []byte)
	for size := 1; ; size = size*7%50021 + 1 {
		select {
		case <-p.stop:
			return
		default:
		}
		go func(size int) { answers <- make([]byte, size) }(size)
		if len(<-answers) != size {
			panic("wrong size")
		}
	}
}
