// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// pollInterval bounds how long a record waits: the programs wake the reader up
// only when much waits, since a wake-up costs the target more than a record.
const pollInterval = 100 * time.Millisecond

// Reader takes records out of the ring buffer.
type Reader struct {
	ring    *ringbuf.Reader
	record  ringbuf.Record
	flushed chan struct{} // has one when a Read came to where Drain looked
	ended   chan struct{} // closed by End
	once    sync.Once
}

// NewReader opens the ring buffer. There can be one reader at a time: another goes
// on where the last one was closed.
func (p *Programs) NewReader() (*Reader, error) {
	ring, err := ringbuf.NewReader(p.spans.Records)
	if err != nil {
		return nil, fmt.Errorf("opening the ring buffer: %w", err)
	}
	return &Reader{ring: ring, flushed: make(chan struct{}, 1), ended: make(chan struct{})}, nil
}

// ErrClosed is returned by Read after Close.
var ErrClosed = ringbuf.ErrClosed

// Read returns the next record, or nil when none came within the poll interval.
// The bytes are valid until the next call.
func (r *Reader) Read() ([]byte, error) {
	r.ring.SetDeadline(time.Now().Add(pollInterval))
	err := r.ring.ReadInto(&r.record)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil
	case errors.Is(err, ringbuf.ErrFlushed):
		select {
		case r.flushed <- struct{}{}:
		default: // nobody took the last one
		}
		return nil, nil
	case err != nil:
		return nil, err
	}
	return r.record.RawSample, nil
}

// End says that nobody will read on, for whatever reason.
func (r *Reader) End() { r.once.Do(func() { close(r.ended) }) }

// Drain waits until another goroutine has read all that is in the buffer at this
// call, what the programs are about to write included, or has called End, or ctx is
// done. It must not be called after Close, nor twice at once.
func (r *Reader) Drain(ctx context.Context) error {
	if r.ring.AvailableBytes() == 0 {
		return nil
	}
	select {
	case <-r.flushed: // of a Drain that did not wait for it
	default:
	}
	if err := r.ring.Flush(); err != nil {
		return fmt.Errorf("draining the ring buffer: %w", err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%d bytes of records were not read in time: %w", r.ring.AvailableBytes(), ctx.Err())
	case <-r.ended: // who read has told why
	case <-r.flushed:
	}
	return nil
}

// Close ends a Read that waits and frees the buffer's mapping.
func (r *Reader) Close() error { return r.ring.Close() }
