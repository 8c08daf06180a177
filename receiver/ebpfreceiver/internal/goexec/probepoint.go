// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// ProbePoint returns the file offset of the first instruction of f that the
// kernel emulates and at which the argument registers are still intact: on
// amd64 the "push %rbp" after the stack check; where there is none (Go 1.20 and
// older, functions without a frame) the first jump or call. The error wraps
// ErrNoProbePoint: then the function must not be probed.
//
// At a jump of the stack check a call that grows the stack counts twice; at a
// push it counts once.
func (b *Binary) ProbePoint(f Function) (uint64, error) {
	code, err := b.Code(f)
	if err != nil {
		return 0, fmt.Errorf("probe point: %w", err)
	}
	find := probePointAMD64
	if b.image.file.Machine == elf.EM_AARCH64 {
		find = probePointARM64
	}
	at, ok := find(code)
	if !ok {
		return 0, fmt.Errorf("probe point of %s: %w", f.Name, ErrNoProbePoint)
	}
	return f.Offset + uint64(at), nil
}

// maxPrologue is how far a prologue is followed. The longest that the compiler
// writes (a frame of more than 2 GiB) has under 48 bytes before the push.
const maxPrologue = 64

// probePointAMD64 walks the instructions that may stand before the frame is set
// up. What the kernel emulates: branch_setup_xol_ops and push_setup_xol_ops in
// arch/x86/kernel/uprobes.c.
func probePointAMD64(code []byte) (int, bool) {
	branch, stackCheck := -1, false
	for at := 0; at < min(len(code), maxPrologue); {
		inst, err := x86asm.Decode(code[at:], 64)
		if err != nil || inst.Len == 0 {
			break
		}
		switch {
		case inst.Op == x86asm.PUSH && inst.Args[0] == x86asm.RBP && inst.Len == 1:
			return at, true
		case emulatedBranch(code[at:]):
			if branch < 0 {
				branch = at
			}
			if !stackCheck {
				return branch, !jumpedTo(code, branch)
			}
		case !preservesArguments(inst):
			return branch, branch >= 0 && !jumpedTo(code, branch)
		}
		stackCheck = checksStack(inst)
		at += inst.Len
	}
	return branch, branch >= 0 && !jumpedTo(code, branch)
}

// emulatedBranch says whether the kernel emulates the branch at the start of
// code: jmp rel8 and rel32, call rel32, jcc rel8 and rel32, without prefixes.
func emulatedBranch(code []byte) bool {
	switch op := code[0]; {
	case op == 0xeb, op == 0xe9, op == 0xe8, op >= 0x70 && op <= 0x7f:
		return true
	case op == 0x0f:
		return len(code) > 1 && code[1] >= 0x80 && code[1] <= 0x8f
	}
	return false
}

// preservesArguments says whether inst leaves every register of Go's calling
// convention as it is: it only compares, does nothing, or computes into R12 or
// R13, which the convention leaves free (cmd/compile/abi-internal.md).
func preservesArguments(inst x86asm.Inst) bool {
	switch inst.Op {
	case x86asm.CMP, x86asm.TEST, x86asm.NOP:
		return true
	case x86asm.MOV, x86asm.LEA, x86asm.SUB, x86asm.ADD:
		return inst.Args[0] == x86asm.R12 || inst.Args[0] == x86asm.R13
	}
	return false
}

// checksStack says whether inst is a comparison of the stack check: with the
// stack guard in g, which R14 points to, or the subtraction for a large frame
// into R12 or R13, whose borrow is tested.
func checksStack(inst x86asm.Inst) bool {
	switch inst.Op {
	case x86asm.CMP:
		for _, arg := range inst.Args {
			if mem, ok := arg.(x86asm.Mem); ok && mem.Base == x86asm.R14 {
				return true
			}
		}
	case x86asm.SUB:
		return inst.Args[0] == x86asm.R12 || inst.Args[0] == x86asm.R13
	}
	return false
}

// jumpedTo says whether code after at jumps back between the entry (excluded)
// and at, so that a probe there would count the turns of a loop. Code that
// cannot be decoded counts as a jump.
func jumpedTo(code []byte, at int) bool {
	for pc := 0; pc < len(code); {
		inst, err := x86asm.Decode(code[pc:], 64)
		if err != nil || inst.Len == 0 {
			return true
		}
		if rel, ok := inst.Args[0].(x86asm.Rel); ok {
			if target := pc + inst.Len + int(rel); pc > at && target > 0 && target <= at {
				return true
			}
		}
		pc += inst.Len
	}
	return false
}
