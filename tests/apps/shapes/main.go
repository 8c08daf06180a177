// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Shapes are small programs of different shape, each bound by another thing: a
// pool of workers, a fan-out, a pipeline of channels, a mutex, the collector.
// One is run under Go's execution tracer and under observation at once, so that
// the ledgers of its spans can be judged (tests/referee).
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	exec "runtime/trace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/fathom-otel/fathom/tests/referee/mark"
)

// shapes by name.
var shapes = map[string]func(*run) error{
	"compute":  compute,
	"cond":     condition,
	"fanout":   fanOut,
	"gc":       collect,
	"http":     httpClients,
	"mutex":    mutex,
	"pipeline": pipeline,
	"pool":     pool,
	"syscall":  systemCalls,
	"tcp":      connections,
	"timer":    timers,
}

func main() {
	if err := start(); err != nil {
		fmt.Fprintln(os.Stderr, "shapes:", err)
		os.Exit(1)
	}
}

// start says "ready", waits for a line on its standard input, runs the shape
// under the tracer, says "done", and ends with its standard input.
func start() (err error) {
	shape := flag.String("shape", "", "`name` of the program: "+strings.Join(slices.Sorted(maps.Keys(shapes)), ", "))
	spans := flag.Int("spans", 100, "`number` of spans, at least")
	length := flag.Duration("length", 5*time.Millisecond, "about how `long` a span takes")
	path := flag.String("trace", "shapes.trace", "`file` for the execution trace")
	list := flag.Bool("list", false, "print the names and end")
	flag.Parse()
	if *list {
		fmt.Println(strings.Join(slices.Sorted(maps.Keys(shapes)), "\n"))
		return nil
	}
	do, ok := shapes[*shape]
	if !ok {
		return fmt.Errorf("-shape %q is none: -list prints the names", *shape)
	}
	r := &run{
		tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(mark.Processor{})).Tracer("shapes"),
		length: *length,
	}
	r.left.Store(int64(*spans))
	in := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	if _, err := in.ReadString('\n'); err != nil {
		return fmt.Errorf("waiting for a line that says to begin: %w", err)
	}
	if err := traced(*path, func() error { return do(r) }); err != nil {
		return fmt.Errorf("%s: %w", *shape, err)
	}
	fmt.Println("done")
	_, err = io.Copy(io.Discard, in)
	return err
}

// traced writes an execution trace of what f does.
func traced(path string, f func() error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := exec.Start(file); err != nil {
		return err
	}
	defer exec.Stop()
	return f()
}

// run is what a shape has to do.
type run struct {
	tracer trace.Tracer
	length time.Duration // of a span, about
	left   atomic.Int64  // spans
}

// part is an nth of a span's length.
func (r *run) part(n int) time.Duration { return r.length / time.Duration(n) }

// span makes one.
func (r *run) span(name string, f func()) {
	_, span := r.tracer.Start(context.Background(), name)
	defer span.End()
	f()
}

// each runs f in a span again and again on so many goroutines, until there are
// enough spans.
func (r *run) each(goroutines int, name string, f func(worker int)) {
	var all sync.WaitGroup
	for worker := range goroutines {
		all.Go(func() {
			for r.left.Add(-1) >= 0 {
				r.span(name, func() { f(worker) })
			}
		})
	}
	all.Wait()
}

// spin computes.
func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

// perP is so many for each P.
func perP(n int) int { return n * runtime.GOMAXPROCS(0) }
