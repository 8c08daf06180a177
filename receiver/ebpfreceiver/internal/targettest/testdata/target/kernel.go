// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// serveKernel adds paths that make the kernel do something: connections, reads
// and writes.
func serveKernel(mux *http.ServeMux) {
	var left atomic.Pointer[net.Conn]
	go writeTo(&left)
	mux.HandleFunc("GET /dial", func(w http.ResponseWriter, r *http.Request) {
		connection, err := dial(r.URL.Query())
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		defer connection.Close()
		if err := talk(connection, r.URL.Query()); err != nil {
			fmt.Fprint(w, err)
		}
	})
	mux.HandleFunc("GET /abandon", func(w http.ResponseWriter, r *http.Request) {
		connection, err := dial(r.URL.Query())
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		left.Store(&connection)
	})
	mux.HandleFunc("GET /fault", func(w http.ResponseWriter, r *http.Request) {
		if err := fault(r.URL.Query().Get("path")); err != nil {
			fmt.Fprint(w, err)
		}
	})
	mux.HandleFunc("GET /direct", func(w http.ResponseWriter, r *http.Request) {
		if err := readDirectly(r.URL.Query().Get("path")); err != nil {
			fmt.Fprint(w, err)
		}
	})
	mux.HandleFunc("GET /buffered", func(w http.ResponseWriter, r *http.Request) {
		if err := os.WriteFile(r.URL.Query().Get("path"), make([]byte, 8<<20), 0o600); err != nil {
			fmt.Fprint(w, err)
		}
	})
	mux.HandleFunc("GET /files", func(w http.ResponseWriter, r *http.Request) {
		if err := moveBytes(r.URL.Query().Get("path")); err != nil {
			fmt.Fprint(w, err)
		}
	})
}

// writeTo writes once to each connection that a handler left, on a goroutine
// that has nothing to do with the handler's.
func writeTo(left *atomic.Pointer[net.Conn]) {
	for range time.Tick(10 * time.Millisecond) {
		if connection := left.Swap(nil); connection != nil {
			_, _ = (*connection).Write(make([]byte, 100)) // the peer checks
		}
	}
}

func dial(query url.Values) (net.Conn, error) {
	timeout, _ := time.ParseDuration(query.Get("timeout")) // none: no timeout
	dialer := net.Dialer{Timeout: timeout}
	return dialer.Dial("tcp", query.Get("address"))
}

// talk waits for a byte of the peer, sends as many as asked for, and reads on
// until the peer has closed.
func talk(connection net.Conn, query url.Values) error {
	n, _ := strconv.Atoi(query.Get("write"))
	if n == 0 {
		return nil
	}
	if _, err := connection.Read(make([]byte, 1)); err != nil {
		return err
	}
	if _, err := connection.Write(make([]byte, n)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, connection)
	return err
}

// moveBytes writes and reads 1000, 2000, 3000 and 6000 bytes in the ways that
// there are: write, pwrite64, read, pread64, copy_file_range.
func moveBytes(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(make([]byte, 1000)); err != nil {
		return err
	}
	if _, err := file.WriteAt(make([]byte, 2000), 4000); err != nil {
		return err
	}
	if _, err := file.ReadAt(make([]byte, 3000), 0); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	target, err := os.Create(path + ".copy")
	if err != nil {
		return err
	}
	defer target.Close()
	_, err = io.Copy(target, file)
	return err
}

// readDirectly reads 1 MiB of a file in 16 reads, each by the device.
func readDirectly(path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	aligned, err := unix.Mmap(-1, 0, 64<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(aligned) }() // it was mapped
	for range 16 {
		if _, err := io.ReadFull(file, aligned); err != nil {
			return err
		}
	}
	return nil
}

// fault touches each page of a file that is in no cache: one major fault a page.
func fault(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	pages, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(pages) }() // it was mapped
	if err := unix.Madvise(pages, unix.MADV_RANDOM); err != nil {
		return err
	}
	var sum byte
	for i := 0; i < len(pages); i += os.Getpagesize() {
		sum += pages[i]
	}
	touched.Store(uint32(sum))
	return nil
}

// touched keeps the compiler from leaving the reads out.
var touched atomic.Uint32
