// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// failures collects what went wrong in spans.
type failures struct {
	mu  sync.Mutex
	all []error
}

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, err)
}

// systemCalls writes files, syncs and reads them again, in the working directory.
func systemCalls(r *run) error {
	const size = 4 << 20
	files := make([]*os.File, 2)
	for i := range files {
		file, err := os.Create(filepath.Join(".", fmt.Sprintf("shapes.%d", i)))
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // what matters was checked
		files[i] = file
	}
	var failed failures
	r.each(len(files), "file", func(worker int) {
		block := make([]byte, size)
		for began := time.Now(); time.Since(began) < r.length; {
			_, err := files[worker].WriteAt(block, 0)
			failed.add(err)
			failed.add(files[worker].Sync())
			_, err = files[worker].ReadAt(block, 0)
			failed.add(err)
		}
	})
	return errors.Join(failed.all...)
}

// connections exchange blocks with a server that takes its time.
func connections(r *run) error {
	const size = 64 << 10
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var served sync.WaitGroup
	var failed failures
	clients := make([]net.Conn, 4)
	for i := range clients {
		served.Go(func() { failed.add(echo(listener, size, r.part(4))) })
		if clients[i], err = net.Dial("tcp", listener.Addr().String()); err != nil {
			return err
		}
	}
	r.each(len(clients), "exchange", func(worker int) {
		block := make([]byte, size)
		for range 3 {
			_, err := clients[worker].Write(block)
			failed.add(err)
			_, err = io.ReadFull(clients[worker], block)
			failed.add(err)
			spin(r.part(24))
		}
	})
	for _, client := range clients {
		failed.add(client.Close())
	}
	served.Wait()
	failed.add(listener.Close())
	return errors.Join(failed.all...)
}

// echo answers each block of one connection after a while.
func echo(listener net.Listener, size int, after time.Duration) error {
	connection, err := listener.Accept()
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }() // the client closed it
	block := make([]byte, size)
	for {
		if _, err := io.ReadFull(connection, block); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		time.Sleep(after)
		if _, err := connection.Write(block); err != nil {
			return err
		}
	}
}

// httpClients ask a server of the same process.
func httpClients(r *run) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(r.part(3))
		_, _ = w.Write(make([]byte, 16<<10)) // the client tells what is missing
	})}
	var serving sync.WaitGroup
	var failed failures
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed.add(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	r.each(4, "get", func(int) {
		for range 2 {
			response, err := client.Get("http://" + listener.Addr().String())
			if err != nil {
				failed.add(err)
				return
			}
			_, err = io.Copy(io.Discard, response.Body)
			failed.add(errors.Join(err, response.Body.Close()))
			spin(r.part(24))
		}
	})
	client.CloseIdleConnections()
	failed.add(server.Close())
	serving.Wait()
	return errors.Join(failed.all...)
}
