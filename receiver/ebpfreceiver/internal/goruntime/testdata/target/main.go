// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command target is a program that the tests observe. It obeys commands on its
// standard input, one a line, and answers each with one line: for "read" what
// its own runtime/metrics say, in JSON, else "ok".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
)

// truth is the answer to "read". Bounds are the bits of float64s, as JSON has
// no infinities.
type truth struct {
	Ints       map[string]uint64    `json:"ints"`
	Histograms map[string]histogram `json:"histograms"`
}

type histogram struct {
	Bounds []uint64 `json:"bounds"`
	Counts []uint64 `json:"counts"`
}

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
	stop     chan struct{}
	workers  sync.WaitGroup
}

func (p *program) obey(command string) error {
	switch command {
	case "read":
		return p.read()
	case "busy":
		p.busy()
	case "rest":
		close(p.stop)
		p.workers.Wait()
	case "grow":
		p.grow()
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

func (p *program) read() error {
	metrics.Read(p.samples)
	t := truth{Ints: map[string]uint64{}, Histograms: map[string]histogram{}}
	for _, s := range p.samples {
		switch s.Value.Kind() {
		case metrics.KindUint64:
			t.Ints[s.Name] = s.Value.Uint64()
		case metrics.KindFloat64Histogram:
			h := s.Value.Float64Histogram()
			bounds := make([]uint64, len(h.Buckets))
			for i, b := range h.Buckets {
				bounds[i] = math.Float64bits(b)
			}
			t.Histograms[s.Name] = histogram{Bounds: bounds, Counts: h.Counts}
		default:
			return fmt.Errorf("no metric %s", s.Name)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(t)
}

// grow keeps memory of all kinds of sizes, and parked goroutines with stacks.
func (p *program) grow() {
	for i := range 2000 {
		p.retained = append(p.retained, make([]byte, 1+i*i%9000), make([]byte, 40000))
		if i%200 == 0 {
			runtime.Gosched()
		}
	}
	parked := make(chan struct{})
	var ready sync.WaitGroup
	for range 1000 {
		ready.Add(1)
		go func() {
			deep(40)
			ready.Done()
			<-parked
		}()
	}
	for range 500 { // these end, and fill the free lists
		ready.Add(1)
		go ready.Done()
	}
	ready.Wait()
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
	for range 4 {
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
		go func() { answers <- make([]byte, size) }()
		if len(<-answers) != size {
			panic("wrong size")
		}
	}
}
