// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goroutines

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
)

// Memory of a process; *procmem.Process has it.
type Memory interface {
	// ReadRanges fills all ranges or fails.
	ReadRanges(ranges []procmem.Range) error
}

// Executable is the file that a process runs.
type Executable interface {
	io.ReaderAt
	io.Closer
}

// Target is a process whose goroutines are read.
type Target struct {
	Layout *Layout
	Memory Memory
	// Bias is that of the process: run-time less link-time addresses.
	Bias uint64
	// Open opens the executable. It is asked only for code that no dump of the
	// binary has met before.
	Open func() (Executable, error)
}

var (
	// ErrImplausible says that the process holds what no Go runtime holds once
	// it has started: it is starting, or has executed another program.
	ErrImplausible = errors.New("no plausible list of goroutines")
	// ErrUnsettled says that the list of goroutines moved in each attempt to read it.
	ErrUnsettled = errors.New("the list of goroutines was moving")
)

const (
	batchSize = 512     // goroutines that are read at once
	chunkSize = 1 << 10 // of a stack, read at once: the frames of most that wait
	attempts  = 3       // at what may change while it is read
	// maxLength of the list of goroutines: what is longer is none.
	maxLength = 1 << 28
)

// Reader takes dumps of one process after the other. It is not safe for
// concurrent use.
type Reader struct {
	limits Limits
	target Target
	file   Executable // open only while a dump needs it

	header   [2]procmem.Range // the list's length, and where it is
	pointers [1]procmem.Range
	batch    []slot
	pending  []int    // of batch: those that are still to be confirmed
	frames   []uint64 // of the batch's slots that have a sample

	// What is read of a batch, and where it is put.
	pieces          []piece
	spans           []span
	ranges          []procmem.Range
	failed          []bool
	windows, stacks []byte
	chunk           chunk
}

// slot is one element of the list of goroutines while its batch is read.
type slot struct {
	address       uint64
	window, stack []byte // none where it could not be read
	g             goroutine
	outcome       outcome
	top           uint64   // link-time address of the place that it waits in
	frames        []uint64 // link-time addresses, where a sample is wanted
	cut           bool     // the sample ends before the stack does
}

// outcome is what is to be told of a slot.
type outcome uint8

const (
	absent  outcome = iota // no goroutine, or the runtime's own
	present                // as it was read
	ran                    // it ran while it was read: its stack is of no moment
	lost                   // it is no longer the goroutine that was read first
	invalid                // what is there is no goroutine
)

// NewReader makes a reader within the limits.
func NewReader(limits Limits) *Reader {
	r := &Reader{
		limits: limits,
		batch:  make([]slot, batchSize),
		failed: make([]bool, batchSize),
		chunk:  chunk{buffer: make([]byte, chunkSize)},
	}
	for i := range r.header {
		r.header[i].Buffer = make([]byte, wordSize)
	}
	r.pointers[0].Buffer = make([]byte, 8*batchSize)
	return r
}

// Read takes a dump and hands it to the tracker of the process. Errors wrap
// procmem.ErrGone where the process has ended, procmem.ErrFault or
// ErrImplausible where it runs something else or has not yet begun,
// ErrUnsettled where another attempt may succeed; the tracker then forgets what
// it was told of the dump.
func (r *Reader) Read(target Target, into *Tracker, now time.Time) (err error) {
	r.target = target
	defer func() { err = errors.Join(err, r.close()) }()
	into.begin(now)
	_, length, err := r.list()
	if err != nil {
		return err
	}
	readable := min(length, uint64(r.limits.Goroutines))
	for first := uint64(0); first < readable; first += batchSize {
		n := min(batchSize, readable-first)
		if err := r.readBatch(first, n, into); err != nil {
			return err
		}
		if err := r.report(int(first), r.batch[:n], into); err != nil {
			return err
		}
	}
	into.lose(SnapshotFull, length-readable)
	into.end()
	return nil
}

func (r *Reader) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// list reads where the list of goroutines is and how long. The runtime writes
// the place before the length (allgadd in runtime/proc.go): read the other way
// round, the length is never more than the place holds.
func (r *Reader) list() (array, length uint64, err error) {
	r.header[0].Address = r.target.Layout.length + r.target.Bias
	r.header[1].Address = r.target.Layout.list + r.target.Bias
	if err := r.target.Memory.ReadRanges(r.header[:]); err != nil {
		return 0, 0, fmt.Errorf("read the list of goroutines: %w", err)
	}
	length, array = binary.LittleEndian.Uint64(r.header[0].Buffer), binary.LittleEndian.Uint64(r.header[1].Buffer)
	if array == 0 || array%wordSize != 0 || length == 0 || length > maxLength {
		return 0, 0, fmt.Errorf("%w: %d at %#x", ErrImplausible, length, array)
	}
	return array, length, nil
}

// readBatch reads n elements of the list from the given one on.
func (r *Reader) readBatch(first, n uint64, into *Tracker) error {
	if err := r.readPointers(first, n); err != nil {
		return err
	}
	if err := r.readWindows(r.batch[:n]); err != nil {
		return err
	}
	r.frames = r.frames[:0]
	for range attempts {
		if len(r.pending) == 0 {
			break
		}
		if err := r.readStacks(into); err != nil {
			return err
		}
		if err := r.confirm(); err != nil {
			return err
		}
	}
	for _, i := range r.pending {
		r.batch[i].outcome = ran
	}
	return nil
}

// readPointers reads elements of the list. The runtime moves it when it grows:
// the elements keep their places in it, but the old list's memory may be used
// for something else. So the list must be where it was once they are read.
func (r *Reader) readPointers(first, n uint64) error {
	for range attempts {
		array, _, err := r.list()
		if err != nil {
			return err
		}
		r.pointers[0] = procmem.Range{Address: array + 8*first, Buffer: r.pointers[0].Buffer[:8*n]}
		if err := r.target.Memory.ReadRanges(r.pointers[:]); err != nil && !errors.Is(err, procmem.ErrFault) {
			return fmt.Errorf("read the list of goroutines: %w", err)
		} else if err != nil {
			continue
		}
		after, _, err := r.list()
		if err != nil {
			return err
		}
		if after != array {
			continue
		}
		for i := range r.batch[:n] {
			r.batch[i].address = binary.LittleEndian.Uint64(r.pointers[0].Buffer[8*i:])
		}
		return nil
	}
	return ErrUnsettled
}
