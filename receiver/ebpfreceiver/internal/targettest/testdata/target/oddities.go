// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// serveOddities adds paths that do what few programs do. The function that it
// returns is told of the connections' states.
func serveOddities(mux *http.ServeMux, tracer trace.Tracer) func(net.Conn, http.ConnState) {
	mux.HandleFunc("GET /coroutine", func(http.ResponseWriter, *http.Request) {
		time.Sleep(20 * time.Millisecond) // let others run: nothing is to follow the coroutine on its thread
		next, stop := iter.Pull(func(yield func(int) bool) {
			time.Sleep(50 * time.Millisecond)
			yield(1)
		})
		next()
		stop()
	})
	mux.HandleFunc("GET /metadata", func(w http.ResponseWriter, r *http.Request) {
		for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
			if err := changeMetadata(r.URL.Query().Get("directory")); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
	})
	// A file is opened within a span after one inside of it has ended on another
	// goroutine.
	mux.HandleFunc("GET /after", func(w http.ResponseWriter, r *http.Request) {
		ctx, outer := tracer.Start(context.Background(), "outer")
		_, inner := tracer.Start(ctx, "inner")
		ended := make(chan struct{})
		go func() {
			inner.End()
			close(ended)
		}()
		<-ended
		if file, err := os.Open(r.URL.Query().Get("path")); err == nil {
			file.Close()
		}
		outer.End()
		fmt.Fprint(w, outer.SpanContext().SpanID())
	})
	// Two spans are left open on the connection's goroutine, between requests.
	var leave atomic.Int32
	mux.HandleFunc("GET /leave", func(http.ResponseWriter, *http.Request) { leave.Store(2) })
	return func(_ net.Conn, state http.ConnState) {
		if state != http.StateIdle {
			return
		}
		for range leave.Swap(0) {
			tracer.Start(context.Background(), "never ended")
		}
	}
}

// changeMetadata makes the system calls on files and directories that neither
// read nor write one.
func changeMetadata(directory string) error {
	path := filepath.Join(directory, "created")
	fd, err := syscall.Creat(path, 0o600)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	link, hard := filepath.Join(directory, "link"), filepath.Join(directory, "hard")
	var status syscall.Statfs_t
	for _, change := range []func() error{
		func() error { return os.Symlink(path, link) },
		func() error { _, err := os.Readlink(link); return err },
		func() error { return os.Link(path, hard) },
		func() error { return os.Chmod(path, 0o640) },
		func() error { return syscall.Fchmod(fd, 0o600) },
		func() error { return os.Chown(path, -1, -1) },
		func() error { return syscall.Fchown(fd, -1, -1) },
		func() error { return os.Chtimes(path, time.Now(), time.Now()) },
		func() error { return syscall.Statfs(path, &status) },
		func() error { return syscall.Fstatfs(fd, &status) },
		func() error { _, err := syscall.Seek(fd, 1, 0); return err },
		func() error { return os.Remove(link) },
		func() error { return os.Remove(hard) },
	} {
		if err := change(); err != nil {
			return err
		}
	}
	return nil
}
