// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The table of the sizes of the allocator's classes: uint16 each, in bytes.
const (
	classesBefore125 = "runtime.class_to_size"
	classesSince125  = "internal/runtime/gc.SizeClassToSize"
)

// Since Go 1.16 there are 68 classes (runtime/sizeclasses.go): class 0 has no
// size, the first ones have these, the last has 32 KiB. All are multiples of 8.
const (
	numClasses   = 68
	classesSize  = 2 * numClasses
	largestClass = 32 << 10
)

var firstClasses = []byte{0, 0, 8, 0, 16, 0, 24, 0, 32, 0, 48, 0, 64, 0, 80, 0, 96, 0, 112, 0, 128, 0}

// searchClasses finds the table by what it holds, which nothing else does. A
// copy of it would be as good: what is read there is the same.
func (b *Binary) searchClasses(name string) (Symbol, error) {
	left := uint64(b.image.size) // segments that overlap would make this endless
	for _, p := range b.image.file.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_X != 0 {
			continue
		}
		if p.Filesz > left {
			return Symbol{}, fmt.Errorf("%w: segment of %d bytes", ErrTruncated, p.Filesz)
		}
		left -= p.Filesz
		at, ok, err := findClasses(io.NewSectionReader(p, 0, int64(p.Filesz)))
		if err != nil {
			return Symbol{}, fmt.Errorf("%w: segment at %#x: %v", ErrTruncated, p.Vaddr, err)
		}
		if ok {
			return Symbol{Name: name, Addr: p.Vaddr + at, Size: classesSize}, nil
		}
	}
	return Symbol{}, fmt.Errorf("no table of size classes in the data")
}

// findClasses is the offset at which r has the table.
func findClasses(r io.Reader) (uint64, bool, error) {
	buffer := make([]byte, windowSize)
	start, kept := uint64(0), 0 // of the buffer in r; bytes of it from the read before
	for {
		n, err := io.ReadFull(r, buffer[kept:])
		data := buffer[:kept+n]
		for at := 0; ; at += 2 {
			next := bytes.Index(data[at:], firstClasses)
			if next < 0 {
				break
			}
			at += next
			if areClasses(data[at:]) {
				return start + uint64(at), true, nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, false, nil
		}
		if err != nil {
			return 0, false, err
		}
		kept = copy(buffer, data[len(data)-classesSize:])
		start += uint64(len(data) - kept)
	}
}

// areClasses says whether data starts with the whole table.
func areClasses(data []byte) bool {
	if len(data) < classesSize || !bytes.HasPrefix(data, firstClasses) {
		return false
	}
	last := uint16(0)
	for i := 1; i < numClasses; i++ {
		size := binary.LittleEndian.Uint16(data[2*i:])
		if size <= last || size%8 != 0 {
			return false
		}
		last = size
	}
	return last == largestClass
}
