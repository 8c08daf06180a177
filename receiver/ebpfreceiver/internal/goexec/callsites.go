// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"fmt"

	"golang.org/x/arch/arm64/arm64asm"
	"golang.org/x/arch/x86/x86asm"
)

// CallSites returns the file offsets of the direct calls of callee in caller, in
// address order; none is no error. Code that cannot be decoded whole is an
// error that wraps ErrUnsupported: an offset inside an instruction would crash the target.
func (b *Binary) CallSites(caller, callee Function) ([]uint64, error) {
	code, err := b.Code(caller)
	if err != nil {
		return nil, fmt.Errorf("call sites: %w", err)
	}
	find := callsAMD64
	if b.image.file.Machine == elf.EM_AARCH64 {
		find = callsARM64
	}
	calls, err := find(code, int64(callee.Addr)-int64(caller.Addr))
	if err != nil {
		return nil, fmt.Errorf("calls of %s in %s: %w", callee.Name, caller.Name, err)
	}
	offsets := make([]uint64, len(calls))
	for i, at := range calls {
		offsets[i] = caller.Offset + uint64(at)
	}
	return offsets, nil
}

// callsAMD64 finds "call rel32" to target; positions count from the start of code.
func callsAMD64(code []byte, target int64) ([]int, error) {
	var calls []int
	for at := 0; at < len(code); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil || inst.Len == 0 {
			return nil, fmt.Errorf("%w: instruction at +%#x: %v", ErrUnsupported, at, err)
		}
		rel, direct := inst.Args[0].(x86asm.Rel)
		if inst.Op == x86asm.CALL && direct && int64(at+inst.Len)+int64(rel) == target {
			calls = append(calls, at)
		}
		at += inst.Len
	}
	return calls, nil
}

// callsARM64 finds BL to target. Instructions have four bytes each, so what
// cannot be decoded does not hide where the next one starts.
func callsARM64(code []byte, target int64) ([]int, error) {
	var calls []int
	for at := 0; at+4 <= len(code); at += 4 {
		inst, err := arm64asm.Decode(code[at:])
		if err != nil || inst.Op != arm64asm.BL {
			continue
		}
		if rel, ok := inst.Args[0].(arm64asm.PCRel); ok && int64(at)+int64(rel) == target {
			calls = append(calls, at)
		}
	}
	return calls, nil
}
