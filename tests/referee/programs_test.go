// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

func after(f func()) { time.AfterFunc(wait, f) }

func computing(*testing.T) func() { return func() { spin(wait) } }

func waitingForP(t *testing.T) func() {
	var others sync.WaitGroup
	t.Cleanup(others.Wait)
	return func() {
		var enough atomic.Bool
		for range 8 * runtime.GOMAXPROCS(0) {
			others.Go(func() {
				for !enough.Load() {
				}
			})
		}
		for waited := time.Duration(0); waited < wait; {
			ready := time.Now()
			runtime.Gosched()
			waited += time.Since(ready)
		}
		enough.Store(true)
	}
}

func writingFile(t *testing.T) func() {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	block := make([]byte, 1<<20)
	return func() {
		for began := time.Now(); time.Since(began) < wait; {
			_, err := file.WriteAt(block, 0)
			require.NoError(t, err)
			require.NoError(t, file.Sync())
		}
	}
}

// socketPair returns the ends of a TCP connection.
func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	a, err = net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	b, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()); require.NoError(t, b.Close()) })
	return a, b
}

// writingSocket sends what fits into the socket's buffers, so that it never parks.
func writingSocket(t *testing.T) func() {
	a, b := socketPair(t)
	block := make([]byte, 64<<10)
	return func() {
		for began := time.Now(); time.Since(began) < wait; {
			_, err := a.Write(block)
			require.NoError(t, err)
			_, err = io.ReadFull(b, block)
			require.NoError(t, err)
		}
	}
}

func napping(*testing.T) func() {
	return func() {
		nap := syscall.NsecToTimespec(int64(wait))
		_ = syscall.Nanosleep(&nap, nil)
	}
}

func readingSocket(t *testing.T) func() {
	a, b := socketPair(t)
	return func() {
		after(func() { _, _ = b.Write([]byte{1}) })
		_, err := a.Read(make([]byte, 1))
		require.NoError(t, err)
	}
}

func httpClient(t *testing.T, http2 bool) func() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(wait) }))
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	get := func() {
		response, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.Equal(t, http2, response.ProtoMajor == 2)
	}
	get() // Opens the connection.
	return get
}

// grpcClient calls a method of a service that is described by hand.
func grpcClient(t *testing.T) func() {
	slow := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		time.Sleep(wait)
		return &emptypb.Empty{}, decode(&emptypb.Empty{})
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "test.Slow",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Do", Handler: slow}},
	}, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		server.Stop()
		require.NoError(t, <-served)
	})
	call := func() {
		require.NoError(t, conn.Invoke(t.Context(), "/test.Slow/Do", &emptypb.Empty{}, &emptypb.Empty{}))
	}
	call() // Opens the connection.
	return call
}

func receiving(*testing.T) func() {
	return func() {
		c := make(chan struct{})
		after(func() { close(c) })
		<-c
	}
}

func sending(*testing.T) func() {
	return func() {
		c := make(chan struct{})
		after(func() { <-c })
		c <- struct{}{}
	}
}

func selecting(*testing.T) func() {
	return func() {
		a, b := make(chan struct{}), make(chan struct{})
		after(func() { close(a) })
		select {
		case <-a:
		case <-b:
		}
	}
}

func locking(*testing.T) func() {
	return func() {
		var mu sync.Mutex
		mu.Lock()
		after(mu.Unlock)
		mu.Lock()
		defer mu.Unlock()
	}
}

func readLocking(*testing.T) func() {
	return func() {
		var mu sync.RWMutex
		mu.Lock()
		after(mu.Unlock)
		mu.RLock()
		defer mu.RUnlock()
	}
}

func waitingForGroup(*testing.T) func() {
	return func() {
		var group sync.WaitGroup
		group.Go(func() { time.Sleep(wait) })
		group.Wait()
	}
}

func waitingForCond(*testing.T) func() {
	return func() {
		var mu sync.Mutex
		cond := sync.NewCond(&mu)
		ready := false
		after(func() {
			mu.Lock()
			defer mu.Unlock()
			ready = true
			cond.Broadcast()
		})
		mu.Lock()
		defer mu.Unlock()
		for !ready {
			cond.Wait()
		}
	}
}

// ballast is what the collector must mark: many pointers to few objects, so that
// there is little to sweep.
func ballast(pointers int) []*[16]byte {
	leaves := make([][16]byte, 1024)
	list := make([]*[16]byte, pointers)
	for i := range list {
		list[i] = &leaves[i%len(leaves)]
	}
	return list
}

// allocating makes garbage while the heap has hardly any room to grow.
func allocating(t *testing.T) func() {
	kept := ballast(4 << 20)
	percent := debug.SetGCPercent(1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		runtime.KeepAlive(kept)
	})
	var garbage []byte
	return func() {
		enough := assistSeconds() + wait.Seconds()
		for began := time.Now(); assistSeconds() < enough && time.Since(began) < 100*wait; {
			for range 16 {
				garbage = make([]byte, 8<<10)
			}
		}
		runtime.KeepAlive(garbage)
	}
}

// assistSeconds is the time spent in mark assists by the collections so far.
func assistSeconds() float64 {
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64()
}

func collecting(t *testing.T) func() {
	kept := ballast(8 << 20)
	t.Cleanup(func() { runtime.KeepAlive(kept) })
	return runtime.GC
}

// stopping asks for all goroutines' stacks, for which the world must stand still.
func stopping(t *testing.T) func() {
	end := make(chan struct{})
	var parked sync.WaitGroup
	for range 2000 {
		parked.Go(func() { <-end })
	}
	t.Cleanup(func() { close(end); parked.Wait() })
	buffer := make([]byte, 8<<20)
	return func() {
		for began := time.Now(); time.Since(began) < wait; {
			runtime.Stack(buffer, true)
		}
	}
}
