// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// InSpan are the goroutines that are in a span, of all processes: memory that
// the BPF programs write and that is read without a system call
// (bpf/headers/in_span.h). It is for one goroutine at a time.
type InSpan struct {
	memory []byte
	places []spansInSpanPlace
}

// Resident is a goroutine that is in a span.
type Resident struct {
	// Address of its runtime.g.
	Address     uint64
	GoroutineID uint64
	PID         uint32
	// Start of its outermost span, ns of CLOCK_MONOTONIC.
	Start uint64
	// Syscall is the class of the last system call that it entered, Unattributed
	// where none was seen.
	Syscall ledger.Cause
}

// InSpan maps the goroutines that are in a span. Close unmaps them.
func (p *Programs) InSpan() (*InSpan, error) {
	n := int(p.spans.InSpan.MaxEntries())
	size := n * int(unsafe.Sizeof(spansInSpanPlace{}))
	page := unix.Getpagesize()
	memory, err := unix.Mmap(p.spans.InSpan.FD(), 0, (size+page-1)/page*page, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping the goroutines that are in a span: %w", err)
	}
	return &InSpan{memory: memory, places: unsafe.Slice((*spansInSpanPlace)(unsafe.Pointer(&memory[0])), n)}, nil
}

// Append adds the goroutines that are in a span now to residents. One that
// enters or leaves meanwhile may be missing.
func (s *InSpan) Append(residents []Resident) []Resident {
	for i := range s.places {
		place := &s.places[i]
		if atomic.LoadUint64(&place.G) == 0 { // as most are: read is not inlined
			continue
		}
		if r, ok := read(place); ok {
			residents = append(residents, r)
		}
	}
	return residents
}

// read is the place's goroutine, false where it has none or changes meanwhile:
// the address is written last and cleared first, and uses tells one goroutine
// from the next at the same address.
func read(place *spansInSpanPlace) (Resident, bool) {
	address := atomic.LoadUint64(&place.G)
	if address == 0 {
		return Resident{}, false
	}
	uses := atomic.LoadUint32(&place.Uses)
	r := Resident{
		Address:     address,
		GoroutineID: atomic.LoadUint64(&place.Goid),
		PID:         atomic.LoadUint32(&place.Tgid),
		Start:       atomic.LoadUint64(&place.Start),
		Syscall:     ledger.Unattributed,
	}
	if cause := atomic.LoadUint32(&place.Syscall); cause != 0 && cause < ledger.NumCauses {
		r.Syscall = ledger.Cause(cause)
	}
	return r, atomic.LoadUint64(&place.G) == address && atomic.LoadUint32(&place.Uses) == uses
}

// Close unmaps the memory.
func (s *InSpan) Close() error {
	s.places = nil
	return unix.Munmap(s.memory)
}

// clearPlace frees the place of a goroutine that is forgotten: counted from 1, 0
// where it had none. Its process has no probe that could do it meanwhile.
func (p *Programs) clearPlace(place uint32) error {
	if place == 0 {
		return nil
	}
	var value spansInSpanPlace
	err := p.spans.InSpan.Lookup(place-1, &value)
	if err == nil {
		value.G, value.Taken = 0, 0
		err = p.spans.InSpan.Put(place-1, &value)
	}
	if err == nil {
		err = p.countCleared()
	}
	if err != nil {
		return fmt.Errorf("freeing the place of a goroutine: %w", err)
	}
	return nil
}
