// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "golang.org/x/arch/x86/x86asm"

// probePointAMD64 walks the instructions that may stand before the frame is set
// up. What the kernel emulates: branch_setup_xol_ops and push_setup_xol_ops in
// arch/x86/kernel/uprobes.c.
func probePointAMD64(code []byte) (int, bool) {
	branch, compared, grows := -1, false, false
	for at := 0; at < min(len(code), maxPrologue); {
		inst, length, ok := decodeX86(code[at:])
		if !ok {
			break
		}
		if inst.Op == x86asm.PUSH && inst.Args[0] == x86asm.RBP && length == 1 {
			return at, true
		}
		if emulatedBranch(code[at:]) {
			if branch < 0 {
				branch = at
			}
			if !compared { // a branch of the function's own: what follows is not always reached
				break
			}
			grows = true
		} else if !preservesArguments(inst) {
			break
		}
		compared = checksStack(inst)
		at += length
	}
	return branch, branch >= 0 && !loopsTo(code, branch, grows)
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

// preservesArguments says whether inst leaves every register that carries an
// argument as it is (cmd/compile/abi-internal.md): it only compares, stores to
// memory, sets up the frame, or computes into R12 or R13.
func preservesArguments(inst x86asm.Inst) bool {
	switch inst.Op {
	case x86asm.CMP, x86asm.TEST, x86asm.BT, x86asm.NOP:
		return true
	case x86asm.MOV, x86asm.MOVUPS, x86asm.LEA, x86asm.SUB, x86asm.ADD:
		switch target := inst.Args[0].(type) {
		case x86asm.Mem:
			return inst.Op == x86asm.MOV || inst.Op == x86asm.MOVUPS
		case x86asm.Reg:
			return target == x86asm.R12 || target == x86asm.R13 || target == x86asm.RSP || target == x86asm.RBP
		}
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

// loopsTo says whether code jumps back to at or before, so that a probe there
// would count the turns of a loop. A function that grows its stack jumps to its
// entry afterwards: that is no loop. Code that cannot be decoded counts as one.
func loopsTo(code []byte, at int, grows bool) bool {
	for pc := 0; pc < len(code); {
		inst, length, ok := decodeX86(code[pc:])
		if !ok {
			return true
		}
		if rel, ok := inst.Args[0].(x86asm.Rel); ok && pc >= at && inst.Op != x86asm.CALL {
			target := pc + length + int(rel)
			if target >= 0 && target <= at && (target > 0 || !grows) {
				return true
			}
		}
		pc += length
	}
	return false
}

const callRel32 = 0xe8

// callsAMD64 finds "call rel32" to target; positions count from the start of code.
// It returns how far it came: len(code) when everything could be decoded.
func callsAMD64(code []byte, target int64) (calls []int, end int) {
	for end < len(code) {
		inst, length, ok := decodeX86(code[end:])
		if !ok {
			break
		}
		rel, direct := inst.Args[0].(x86asm.Rel)
		if code[end] == callRel32 && direct && int64(end+length)+int64(rel) == target {
			calls = append(calls, end)
		}
		end += length
	}
	return calls, end
}
