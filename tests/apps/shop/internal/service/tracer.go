// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package service

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/trace"
	"sync"
)

// tracer takes Go execution traces on demand:
//
//	POST /trace/start?file=PATH
//	POST /trace/stop
type tracer struct {
	mu   sync.Mutex
	file *os.File
}

func (t *tracer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /trace/start", func(w http.ResponseWriter, r *http.Request) {
		answer(w, t.start(r.URL.Query().Get("file")))
	})
	mux.HandleFunc("POST /trace/stop", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, t.stop())
	})
	return mux
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

func (t *tracer) start(path string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != nil {
		return fmt.Errorf("a trace is being taken into %s: stop it first", t.file.Name())
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("creating the trace's file: %w", err)
	}
	if err := trace.Start(file); err != nil {
		return errors.Join(fmt.Errorf("starting the trace: %w", err), file.Close())
	}
	t.file = file
	return nil
}

// stop ends the trace, if one is being taken, and completes its file.
func (t *tracer) stop() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file == nil {
		return nil
	}
	trace.Stop()
	err := t.file.Close()
	t.file = nil
	if err != nil {
		return fmt.Errorf("closing the trace's file: %w", err)
	}
	return nil
}
