// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"fmt"
	"io"
	"sync"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// maxPlaces bounds what is kept of one executable's code: what is sampled of a
// program are some thousand places.
const maxPlaces = 1 << 16

// Binary is what an executable must tell; *goexec.Binary does.
type Binary interface {
	// Lines finds the source of machine code.
	Lines() (*goexec.Lines, error)
}

// Place is an instruction and what it stands for.
type Place struct {
	// Address as linked, where it is the executable's, else as the process has it.
	Address uint64
	// Calls are the functions that it stands in, innermost first: one, and those
	// that were inlined into it. There are none where it is not Go's.
	Calls []goexec.Call
	// frameless: there the stack pointer, and no frame pointer, leads to the caller.
	frameless bool
}

// Code tells what the instructions of one executable stand for. It serves all
// processes that run it and is safe for concurrent use.
type Code struct {
	lines *goexec.Lines

	mu     sync.Mutex
	places map[uint64]*Place // by link-time address
}

// Resolve proves where the tables of an executable's functions are.
func Resolve(b Binary) (*Code, error) {
	lines, err := b.Lines()
	if err != nil {
		return nil, fmt.Errorf("finding the source of sampled code: %w", err)
	}
	return &Code{lines: lines, places: make(map[uint64]*Place)}, nil
}

// Text is where the executable's Go code begins and ends, as linked.
func (c *Code) Text() (begin, end uint64) { return c.lines.Text() }

// place tells of an instruction of the executable, by its link-time address; nil
// where there is none.
func (c *Code) place(file io.ReaderAt, addr uint64) *Place {
	if !c.lines.Contains(addr) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.places[addr]; ok {
		return known
	}
	calls, err := c.lines.Calls(file, addr)
	if err != nil {
		calls = nil // of no function: padding, or a table that cannot be read
	}
	frameless, err := c.lines.Frameless(file, addr)
	found := &Place{Address: addr, Calls: calls, frameless: err == nil && frameless}
	if len(c.places) < maxPlaces {
		c.places[addr] = found
	}
	return found
}

// Target is a process of which profiles are made.
type Target struct {
	Code *Code
	// Executable is the file that it runs.
	Executable io.ReaderAt
	// Bias is what is added to a linked address to get that in the process.
	Bias uint64
}

// resolver finds the places of one profile.
type resolver struct {
	target  Target
	foreign map[uint64]*Place
}

// at is the place of an address of the process.
func (r *resolver) at(addr uint64) *Place {
	if found := r.target.Code.place(r.target.Executable, addr-r.target.Bias); found != nil {
		return found
	}
	known, ok := r.foreign[addr]
	if !ok {
		known = &Place{Address: addr}
		r.foreign[addr] = known
	}
	return known
}

// Call is the innermost function that an instruction of the process stands in,
// alone: for stacks that have an address for each function, inlined ones included.
func (t Target) Call(addr uint64) *Place {
	found := t.Code.place(t.Executable, addr-t.Bias)
	if found == nil {
		return &Place{Address: addr}
	}
	return &Place{Address: found.Address, Calls: found.Calls[:min(1, len(found.Calls))]}
}

// WithoutExit is a stack without the function to which every goroutine returns:
// Go's own profiles leave it out too.
func WithoutExit(stack []*Place) []*Place {
	if n := len(stack); n > 0 && len(stack[n-1].Calls) > 0 && stack[n-1].Calls[0].Function == "runtime.goexit" {
		return stack[:n-1]
	}
	return stack
}
