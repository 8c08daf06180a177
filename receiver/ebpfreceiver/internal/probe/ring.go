// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/readable"
)

// ring reads a ring buffer and waits for it in Go's poller. The library's reader is
// asked only for what is there: it neither waits nor makes a system call then.
type ring struct {
	buffer *readable.Descriptor

	mu     sync.Mutex // guards the mapping: it is gone after Close
	reader *ringbuf.Reader
	record ringbuf.Record
	closed bool
}

func openRing(m *ebpf.Map, name string) (*ring, error) {
	reader, err := ringbuf.NewReader(m)
	if err != nil {
		return nil, fmt.Errorf("opening the %s: %w", name, err)
	}
	reader.SetDeadline(time.Unix(1, 0))
	descriptor, err := readable.New(m.FD(), name)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return &ring{reader: reader, buffer: descriptor}, nil
}

// next is the next record, nil where there is none. It is valid until the next call.
func (r *ring) next() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if r.reader.AvailableBytes() == 0 {
		return nil, nil
	}
	err := r.reader.ReadInto(&r.record)
	if errors.Is(err, os.ErrDeadlineExceeded) { // a record that was given up
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.record.RawSample, nil
}

// wait returns once a program has woken the reader up, so many bytes wait without
// it, the time has come, or interrupt was called.
func (r *ring) wait(until time.Time, enough int) error {
	asked := false
	err := r.buffer.Wait(until, func() bool {
		woken := asked
		asked = true
		return woken || r.available() >= enough
	})
	if errors.Is(err, readable.ErrClosed) {
		return ErrClosed
	}
	return err
}

// available is how many bytes wait: enough for every wait where it is closed.
func (r *ring) available() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return math.MaxInt
	}
	return r.reader.AvailableBytes()
}

// interrupt ends a wait, or the one to come.
func (r *ring) interrupt() { r.buffer.Interrupt() }

// Close ends a wait and frees the buffer's mapping.
func (r *ring) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	err := r.reader.Close()
	r.mu.Unlock() // who waits may be asking what is available
	return errors.Join(err, r.buffer.Close())
}
