// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/clock"
)

// PollInterval bounds how long a record waits to be read: the programs wake the
// reader up only when much waits, since a wake-up costs the target more than a
// record. Each time that the reader looks costs the agent some 50 µs of CPU time.
const PollInterval = 250 * time.Millisecond

const (
	// restAfter is for how long nothing has come when the reader rests, to be woken
	// by the next record.
	restAfter = time.Second
	// restInterval bounds a rest: a wake-up may be missed once in a very long time
	// (bpf/headers/records.h).
	restInterval = 10 * time.Second
)

// The states of bpf/headers/records.h that the reader sets.
const (
	readerWaits = 1
	readerRests = 2
)

// enoughBytes is WAKE_UP_BYTES of bpf/headers/records.h: when a program wakes the
// reader up.
const enoughBytes = 256 << 10

// Reader takes records out of the ring buffer. Read and Wait are for one goroutine.
type Reader struct {
	ring    *ring
	state   *ebpf.Map     // tells the programs when to wake the reader
	last    time.Time     // when it was noticed last that a record has come
	read    bool          // a record since
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
	return &Reader{ring: ring, state: p.spans.ReaderState, last: time.Now(), drained: make(chan struct{}, 1), ended: make(chan struct{})}, nil
}

// ErrClosed is returned by Read after Close.
var ErrClosed = ringbuf.ErrClosed

// Read returns the next record, or nil where none waits. The bytes are valid until the
// next call.
func (r *Reader) Read() ([]byte, error) {
	asked := r.asked.Load() // before it is looked what waits
	raw, err := r.ring.next()
	if raw != nil || err != nil {
		r.read = true
		return raw, err
	}
	if asked {
		r.asked.Store(false)
		select {
		case r.drained <- struct{}{}:
		default: // nobody took the last one
		}
	}
	return nil, nil
}

// Wait returns when it is time to read again: at the beat of a poll interval, earlier when
// much waits, and once there is a record where none has come for a while.
func (r *Reader) Wait() error {
	now := time.Now()
	if r.read {
		r.last, r.read = now, false
	}
	state, interval, enough := uint32(readerWaits), PollInterval, enoughBytes
	if now.Sub(r.last) >= restAfter {
		state, interval, enough = readerRests, restInterval, 1
	}
	if err := r.state.Put(uint32(0), state); err != nil {
		return fmt.Errorf("telling the programs when to wake the reader of records: %w", err)
	}
	return r.ring.wait(clock.NextBeat(interval), enough)
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

// Close ends a Wait and frees the buffer's mapping.
func (r *Reader) Close() error { return r.ring.Close() }
