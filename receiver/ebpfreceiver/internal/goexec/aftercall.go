// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// maxAfterCall is how far the branch on a call's result is looked for, in bytes.
const maxAfterCall = 64

// AfterCall returns the file offset of the conditional branch that follows the
// only call of callee in caller, which the kernel emulates. Between the two
// nothing is changed but flags and memory, and nothing jumps there, so that the
// branch executes once for each return of callee, with its results still in
// their registers and the stack pointer where it was. The error wraps
// ErrNoProbePoint: then there is no such place. On arm64 none is looked for.
func (b *Binary) AfterCall(caller, callee Function) (uint64, error) {
	if b.Machine() != elf.EM_X86_64 {
		return 0, fmt.Errorf("after the call of %s in %s: %w on %v", callee.Name, caller.Name, ErrNoProbePoint, b.Machine())
	}
	code, err := b.Code(caller)
	if err != nil {
		return 0, fmt.Errorf("after a call: %w", err)
	}
	at, ok := afterCallAMD64(code, int64(callee.Addr)-int64(caller.Addr))
	if !ok {
		return 0, fmt.Errorf("after the call of %s in %s: %w", callee.Name, caller.Name, ErrNoProbePoint)
	}
	return caller.Offset + uint64(at), nil
}

func afterCallAMD64(code []byte, target int64) (int, bool) {
	calls, end := callsAMD64(code, target)
	if end < len(code) || len(calls) != 1 {
		return 0, false
	}
	const callLength = 5 // call rel32
	begin := calls[0] + callLength
	for at := begin; at < min(len(code), begin+maxAfterCall); {
		inst, length, ok := decodeX86(code[at:])
		if !ok {
			return 0, false
		}
		if conditionalBranch(code[at:]) {
			return at, !jumpsBetween(code, begin, at)
		}
		if !onlyLooks(inst) {
			return 0, false
		}
		at += length
	}
	return 0, false
}

// conditionalBranch says whether code starts with jcc rel8 or rel32.
func conditionalBranch(code []byte) bool {
	return emulatedBranch(code) && (code[0] == 0x0f || code[0] >= 0x70 && code[0] <= 0x7f)
}

// onlyLooks says whether inst changes nothing but flags and memory.
func onlyLooks(inst x86asm.Inst) bool {
	switch inst.Op {
	case x86asm.CMP, x86asm.TEST, x86asm.BT, x86asm.NOP:
		return true
	case x86asm.MOV, x86asm.MOVUPS:
		_, toMemory := inst.Args[0].(x86asm.Mem)
		return toMemory
	}
	return false
}

// jumpsBetween says whether code may jump to a place from begin to end, both
// included: a direct jump that does, or one through a register or memory.
func jumpsBetween(code []byte, begin, end int) bool {
	for pc := 0; pc < len(code); {
		inst, length, ok := decodeX86(code[pc:])
		if !ok {
			return true
		}
		rel, direct := inst.Args[0].(x86asm.Rel)
		if inst.Op == x86asm.JMP && !direct {
			return true
		}
		if target := pc + length + int(rel); direct && inst.Op != x86asm.CALL && target >= begin && target <= end {
			return true
		}
		pc += length
	}
	return false
}
