// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"errors"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

const (
	// tlsSymbol is the thread-local variable that holds a thread's g
	// (src/cmd/link/internal/ld/data.go).
	tlsSymbol = "runtime.tlsg"
	// tlsReader reads that variable first of all (src/runtime/asm_amd64.s).
	tlsReader = "runtime.morestack"
	// pointerSize is the size of that variable.
	pointerSize = 8
)

// TLSOffset is where a thread's g is stored, in bytes from the thread pointer
// (FS base), negative. It is proven by the code that reads it, else by the
// symbol of the variable, else by there being no other thread-local variable.
// The error wraps ErrNoOffset: so it is on arm64, where the runtime without cgo
// keeps g in a register only, and in stripped position-independent executables
// with cgo.
func (b *Binary) TLSOffset() (int64, error) {
	if b.Machine() != elf.EM_X86_64 {
		return 0, fmt.Errorf("thread-local g: %w: only amd64 is known to have one", ErrNoOffset)
	}
	inCode, codeErr := b.tlsOffsetInCode()
	if codeErr == nil {
		return inCode, nil
	}
	offset, err := b.tlsOffsetInSegment()
	if err != nil {
		return 0, fmt.Errorf("thread-local g: %w: %w; %w", ErrNoOffset, codeErr, err)
	}
	return offset, nil
}

// tlsOffsetInCode finds the first read relative to FS. Where the executable may
// be loaded anywhere, the linker wrote the offset elsewhere.
func (b *Binary) tlsOffsetInCode() (int64, error) {
	f, err := b.Function(tlsReader)
	if err != nil {
		return 0, err
	}
	code, err := b.Code(f)
	if err != nil {
		return 0, err
	}
	return firstTLSRead(code)
}

var errNoTLSRead = errors.New("no code reads g at a fixed offset")

func firstTLSRead(code []byte) (int64, error) {
	for at := 0; at < len(code); {
		inst, length, ok := decodeX86(code[at:])
		if !ok {
			break
		}
		if mem, ok := inst.Args[1].(x86asm.Mem); ok && inst.Op == x86asm.MOV && mem.Segment == x86asm.FS {
			offset := int64(int32(mem.Disp))
			if mem.Base != 0 || mem.Index != 0 || offset >= 0 {
				break
			}
			return offset, nil
		}
		at += length
	}
	return 0, errNoTLSRead
}

// tlsOffsetInSegment places the variable by the layout of the first module's
// thread-local storage: it ends, rounded up to its alignment, at the thread
// pointer (variant II of "ELF Handling For Thread-Local Storage", section 3).
func (b *Binary) tlsOffsetInSegment() (int64, error) {
	var segment *elf.Prog
	for _, p := range b.image.file.Progs {
		if p.Type == elf.PT_TLS {
			segment = p
		}
	}
	if segment == nil {
		return 0, errors.New("no thread-local storage")
	}
	align := max(segment.Align, 1)
	if align&(align-1) != 0 || align > 1<<12 || segment.Vaddr%align != 0 || segment.Memsz > 1<<20 {
		return 0, fmt.Errorf("%w: thread-local storage of %d bytes at %#x, aligned to %d", ErrUnsupported, segment.Memsz, segment.Vaddr, align)
	}
	size := int64((segment.Memsz + align - 1) &^ (align - 1))
	symbol, err := b.lookUp(tlsSymbol, elf.STT_TLS)
	if err == nil && symbol.addr+pointerSize <= segment.Memsz {
		return int64(symbol.addr) - size, nil
	}
	if segment.Memsz == pointerSize {
		return -size, nil
	}
	return 0, fmt.Errorf("%d bytes of thread-local storage, %s not located: %v", segment.Memsz, tlsSymbol, err)
}
