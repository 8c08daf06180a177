// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Target is a program with goroutines of every kind. It obeys commands on its
// standard input and tells its own goroutine profile.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		name, number := "", 0
		fmt.Sscan(lines.Text(), &name, &number)
		if name == "profile" {
			profile()
			continue
		}
		command, ok := commands()[name]
		if !ok {
			fmt.Println("unknown command", name)
			continue
		}
		command(number)
		fmt.Println("ok")
	}
}

func commands() map[string]func(n int) {
	return map[string]func(int){
		"zoo":     func(int) { zoo() },
		"park":    park,
		"leak":    leak,
		"tickers": tickers,
		"free":    func(int) { close(held); held = make(chan struct{}) },
		"busy":    busy,
		"churn":   churn,
		"rest":    func(int) { rest() },
		"collect": func(int) { runtime.GC() },
	}
}

// profile prints what a goroutine profile with debug=2 has, and its length first.
func profile() {
	buffer := make([]byte, 64<<20)
	text := buffer[:runtime.Stack(buffer, true)]
	fmt.Println(len(text))
	os.Stdout.Write(text)
}

var held = make(chan struct{})

// park starts goroutines that wait until they are freed.
func park(n int) {
	var started sync.WaitGroup
	started.Add(n)
	for i := 0; i < n; i++ {
		go func(free chan struct{}) {
			started.Done()
			<-free
		}(held)
	}
	started.Wait()
}

// leak starts goroutines whose channel nobody serves.
func leak(n int) {
	for i := 0; i < n; i++ {
		go receive(make(chan int))
	}
}

func receive(never chan int) int { return <-never }

// tickers leaks goroutines that wake up again and again.
func tickers(n int) {
	for i := 0; i < n; i++ {
		go func() {
			for range time.NewTicker(50 * time.Millisecond).C {
				runtime.Gosched()
			}
		}()
	}
}

var (
	stop    context.CancelFunc
	working sync.WaitGroup
)

// busy starts a pool of n workers over a channel, and a producer which starts a
// short goroutine for each unit of work.
func busy(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	stop = cancel
	jobs := make(chan chan int)
	for i := 0; i < n; i++ {
		working.Add(1)
		go worker(ctx, jobs)
	}
	working.Add(1)
	go func() {
		defer working.Done()
		for ctx.Err() == nil {
			for i := 0; i < 20; i++ {
				working.Add(1)
				go request(ctx, jobs)
			}
			time.Sleep(time.Millisecond)
		}
	}()
}

func worker(ctx context.Context, jobs chan chan int) {
	defer working.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case answer := <-jobs:
			answer <- 1
		}
	}
}

func request(ctx context.Context, jobs chan chan int) {
	defer working.Done()
	answer := make(chan int)
	select {
	case <-ctx.Done():
	case jobs <- answer:
		<-answer
	}
}

// churn starts n goroutines that start their successors and end, as fast as
// they can: the runtime uses each again and again.
func churn(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	stop = cancel
	for i := 0; i < n; i++ {
		working.Add(1)
		go successor(ctx, 0)
	}
}

func successor(ctx context.Context, depth int) {
	if depth > 0 { // a stack that is not the same each time
		deeper := func() { time.Sleep(time.Duration(depth) * time.Microsecond) }
		deeper()
	}
	if ctx.Err() != nil {
		working.Done()
		return
	}
	go successor(ctx, (depth+1)%7)
}

// rest ends busy or churn.
func rest() {
	stop()
	working.Wait()
}

// zoo starts goroutines of each kind and returns once they wait.
func zoo() {
	var mu sync.Mutex
	var rw sync.RWMutex
	var never sync.WaitGroup
	never.Add(1)
	mu.Lock()
	rw.Lock()
	cond := sync.NewCond(new(sync.Mutex))
	full := make(chan int)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	var pipe [2]int
	must(syscall.Pipe(pipe[:]))
	start(2, func() { <-full })
	start(3, func() { new(sender).send(make(chan string)) })
	start(1, func() { <-(chan int)(nil) })
	start(2, func() {
		select {
		case <-full:
		case <-time.After(time.Hour):
		}
	})
	start(1, func() { select {} })
	start(4, func() { mu.Lock() })
	start(1, func() { rw.RLock() })
	start(2, func() { never.Wait() })
	start(2, func() { cond.L.Lock(); cond.Wait() })
	start(2, func() { time.Sleep(time.Hour) })
	start(1, func() { _, _ = listener.Accept() })
	start(1, func() { connection, err := net.Dial("tcp", listener.Addr().String()); must(err); read(connection) })
	start(1, func() { _, _ = syscall.Read(pipe[0], make([]byte, 1)) })
	start(2, func() { deep(40, full) })
	go deep(200, full)
	start(2, func() { generic[map[string]sender](full) })
}

func start(n int, f func()) {
	for i := 0; i < n; i++ {
		go f()
	}
}

type sender struct{ prefix string }

func (s *sender) send(to chan string) { to <- s.prefix + inlined() }

func inlined() string { return "x" }

func read(connection net.Conn) {
	_, _ = bufio.NewReader(connection).ReadString('\n')
}

//go:noinline
func deep(n int, wait chan int) int {
	var pad [100]byte
	if n == 0 {
		return <-wait
	}
	pad[n%100] = byte(n)
	return deep(n-1, wait) + int(pad[n%99])
}

func generic[T any](wait chan int) T {
	forward(wait)
	var zero T
	return zero
}

// forward is inlined, and waits.
func forward(wait chan int) { <-wait }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
		os.Exit(1)
	}
}
