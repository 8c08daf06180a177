// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import "fmt"

// Sizes and offsets in bytes, and the kind: bpf/headers/records.h.
const (
	kindSample   = 16
	sampleFrames = headerSize
	sampleTop    = headerSize + 8
	sampleStack  = headerSize + 16
)

// Sample is what a thread did when the clock of its CPU interrupted it.
type Sample struct {
	Header
	// Stack is the address of the instruction that was interrupted, then the
	// return addresses of its callers: 8 bytes each, little endian. It is a part
	// of what was decoded, and empty where the stack could not be read.
	Stack []byte
	// Top is the word on top of the stack: where a function returns to that has no
	// frame, or not yet. 0 where that is unknown.
	Top uint64
}

// Frames is how many addresses there are.
func (s *Sample) Frames() int { return len(s.Stack) / 8 }

// Frame is the address of one of them, 0 the innermost.
func (s *Sample) Frame(i int) uint64 { return u64(s.Stack, 8*i) }

func decodeSample(raw []byte) (*Sample, error) {
	size := 8 * uint64(u32(raw, sampleFrames))
	if size > uint64(len(raw)-sampleStack) {
		return nil, fmt.Errorf("%w: a stack of %d bytes in a record of %d", ErrMalformed, size, len(raw))
	}
	return &Sample{Header: decodeHeader(raw), Stack: raw[sampleStack : sampleStack+int(size)], Top: u64(raw, sampleTop)}, nil
}
