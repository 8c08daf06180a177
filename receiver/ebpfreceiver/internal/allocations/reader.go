// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package allocations

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// Memory of a process; *procmem.Process has it.
type Memory interface {
	// ReadAt reads all of the buffer or fails.
	ReadAt(address uint64, buffer []byte) error
}

const (
	// maxBuckets bounds a reading, on whatever memory holds: a large program has
	// some thousand.
	maxBuckets = 1 << 16
	// maxFrames of a stack: maxProfStackDepth of runtime/mprof.go is 1024.
	maxFrames = 1024
	// window is read of a bucket at once: most stacks fit.
	window = 1 << 10
)

// ErrImplausible says that the process holds what no Go runtime holds: it has
// executed another program.
var ErrImplausible = errors.New("no plausible heap profile")

// Bucket is what the runtime sampled of the allocations of one size that one
// stack made: what it had published when it last finished a collection.
type Bucket struct {
	// Address is the bucket's in the process. It is there until the process ends.
	Address uint64
	// Size of each object, in bytes.
	Size uint64
	// Allocs and Frees of objects, since the process started, as sampled.
	Allocs, Frees uint64
	// Stack are return addresses, innermost first: one for each function that was
	// called, the inlined ones included. It is valid until the next bucket.
	Stack []uint64
}

// Reading is one of a process.
type Reading struct {
	// Rate is how many bytes are allocated, on average, for one that is sampled;
	// 0: none is.
	Rate uint64
	// Cut: there is more than is read, or kept.
	Cut bool
}

// Reader reads one process after the other. It is not safe for concurrent use.
type Reader struct {
	buffer []byte
	stack  []uint64
}

// NewReader makes a reader.
func NewReader() *Reader { return &Reader{buffer: make([]byte, window)} }

// Read calls each with all buckets of a process in which something was allocated.
// Errors wrap procmem.ErrGone where the process has ended, procmem.ErrFault or
// ErrImplausible where it runs something else.
func (r *Reader) Read(l *Layout, memory Memory, bias uint64, each func(*Bucket)) (Reading, error) {
	rate, err := r.word(memory, l.rate+bias)
	if err != nil {
		return Reading{}, fmt.Errorf("read the rate of the heap profile: %w", err)
	}
	next, err := r.word(memory, l.buckets+bias)
	if err != nil {
		return Reading{}, fmt.Errorf("read the list of the heap profile: %w", err)
	}
	reading := Reading{Rate: rate}
	bucket := Bucket{}
	for count := 0; next != 0; count++ {
		if count == maxBuckets {
			reading.Cut = true
			break
		}
		if next%wordSize != 0 {
			return reading, fmt.Errorf("%w: a bucket at %#x", ErrImplausible, next)
		}
		bucket.Address = next
		if next, err = r.read(l, memory, &bucket); err != nil {
			return reading, fmt.Errorf("read the heap profile: %w", err)
		}
		if bucket.Allocs > 0 && bucket.Frees <= bucket.Allocs {
			each(&bucket)
		}
	}
	return reading, nil
}

func (r *Reader) word(memory Memory, at uint64) (uint64, error) {
	err := memory.ReadAt(at, r.buffer[:wordSize])
	return binary.LittleEndian.Uint64(r.buffer), err
}

// read fills a bucket and returns the address of the next.
func (r *Reader) read(l *Layout, memory Memory, b *Bucket) (next uint64, err error) {
	have := uint64(window)
	if err = memory.ReadAt(b.Address, r.buffer[:window]); errors.Is(err, procmem.ErrFault) { // near the end of a mapping
		have = l.bucketSize
		err = memory.ReadAt(b.Address, r.buffer[:have])
	}
	if err != nil {
		return 0, err
	}
	field := func(at uint64) uint64 { return binary.LittleEndian.Uint64(r.buffer[at:]) }
	next, b.Size = field(l.allNext), field(l.size)
	frames := field(l.frames)
	if frames > maxFrames {
		return 0, fmt.Errorf("%w: a stack of %d frames", ErrImplausible, frames)
	}
	record := l.bucketSize + frames*wordSize
	if want := record + l.recordEnd; want > have {
		if uint64(len(r.buffer)) < want {
			r.buffer = append(r.buffer, make([]byte, want-uint64(len(r.buffer)))...)
		}
		if err := memory.ReadAt(b.Address, r.buffer[:want]); err != nil {
			return 0, err
		}
	}
	b.Allocs, b.Frees = field(record+l.allocs), field(record+l.frees)
	r.stack = r.stack[:0]
	for i := range frames {
		r.stack = append(r.stack, field(l.bucketSize+i*wordSize))
	}
	b.Stack = r.stack
	return next, nil
}
