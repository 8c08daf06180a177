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
	ring   *ringbuf.Reader
	record ringbuf.Record
	kernel *Programs
	ended  chan struct{} // closed by End
	once   sync.Once
}

// NewReader opens the ring buffer. There can be one reader at a time: another goes
// on where the last one was closed.
func (p *Programs) NewReader() (*Reader, error) {
	ring, err := ringbuf.NewReader(p.spans.Records)
	if err != nil {
		return nil, fmt.Errorf("opening the ring buffer: %w", err)
	}
	return &Reader{ring: ring, kernel: p, ended: make(chan struct{})}, nil
}

// ErrClosed is returned by Read after Close.
var ErrClosed = ringbuf.ErrClosed

// Read returns the next record, or nil when none came within the poll interval.
// The bytes are valid until the next call.
func (r *Reader) Read() ([]byte, error) {
	r.ring.SetDeadline(time.Now().Add(pollInterval))
	err := r.ring.ReadInto(&r.record)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.kernel.read.Add(1)
	return r.record.RawSample, nil
}

// End says that nobody will read on, for whatever reason.
func (r *Reader) End() { r.once.Do(func() { close(r.ended) }) }

// Drain waits until another goroutine has read all that was told before this call,
// or has called End, or ctx is done. It must not be called after Close.
func (r *Reader) Drain(ctx context.Context) error {
	counters, err := r.kernel.Counters()
	if err != nil {
		return err
	}
	told := counters[Records] // counted before it is in the buffer
	for r.kernel.read.Load() < told {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d records were not read in time: %w", told-r.kernel.read.Load(), ctx.Err())
		case <-r.ended:
			return nil // who read has told why
		case <-time.After(pollInterval / 10):
		}
	}
	return nil
}

// Close ends a Read that waits and frees the buffer's mapping.
func (r *Reader) Close() error { return r.ring.Close() }
