// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// pollInterval bounds how long a record waits: the programs wake the reader up
// only when much waits, since a wake-up costs the target more than a record.
const pollInterval = 100 * time.Millisecond

// enoughBytes is WAKE_UP_BYTES of bpf/headers/records.h: when a program wakes the
// reader up.
const enoughBytes = 256 << 10

// Reader takes records out of the ring buffer.
type Reader struct {
	ring    *ring
	asked   atomic.Bool   // by Drain, to be told that nothing waits
	drained chan struct{} // has one when a Read found that out
	ended   chan struct{} // closed by End
	once    sync.Once
}

// NewReader opens the ring buffer. There can be one reader at a time: another goes
// on where the last one was closed.
func (p *Programs) NewReader() (*Reader, error) {
	ring, err := openRing(p.spans.Records, "ring buffer of records")
	if err != nil {
		return nil, err
	}
	return &Reader{ring: ring, drained: make(chan struct{}, 1), ended: make(chan struct{})}, nil
}

// ErrClosed is returned by Read after Close.
var ErrClosed = ringbuf.ErrClosed

// Read returns the next record, or nil when none came within the poll interval.
// The bytes are valid until the next call.
func (r *Reader) Read() ([]byte, error) {
	asked := r.asked.Load() // before it is looked what waits
	raw, err := r.ring.next()
	if raw != nil || err != nil {
		return raw, err
	}
	if asked {
		r.asked.Store(false)
		select {
		case r.drained <- struct{}{}:
		default: // nobody took the last one
		}
	}
	if err := r.ring.wait(time.Now().Add(pollInterval), enoughBytes); err != nil {
		return nil, err
	}
	return r.ring.next()
}

// End says that nobody will read on, for whatever reason.
func (r *Reader) End() { r.once.Do(func() { close(r.ended) }) }

// Drain waits until another goroutine has read all that is in the buffer at this
// call, what the programs are about to write included, or has called End, or ctx is
// done. It must not be called after Close, nor twice at once.
func (r *Reader) Drain(ctx context.Context) error {
	if r.ring.available() == 0 {
		return nil
	}
	select {
	case <-r.drained: // of a Drain that did not wait for it
	default:
	}
	r.asked.Store(true)
	r.ring.interrupt()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%d bytes of records were not read in time: %w", r.ring.available(), ctx.Err())
	case <-r.ended: // who read has told why
	case <-r.drained:
	}
	return nil
}

// Close ends a Read that waits and frees the buffer's mapping.
func (r *Reader) Close() error { return r.ring.Close() }
