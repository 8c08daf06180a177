// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "golang.org/x/arch/arm64/arm64asm"

const instructionARM64 = 4 // bytes

// probePointARM64 finds the first branch. The kernel simulates b, b.cond, bl,
// cbz, cbnz, tbz and tbnz and single-steps what sets up a frame
// (arm_probe_decode_insn in arch/arm64/kernel/probes/decode-insn.c).
func probePointARM64(code []byte) (int, bool) {
	for at := 0; at+instructionARM64 <= min(len(code), maxPrologue); at += instructionARM64 {
		inst, err := arm64asm.Decode(code[at:])
		switch {
		case err != nil:
			return 0, false
		case simulatedARM64(inst):
			return at, !loopsToARM64(code, at)
		case !preservesARM64(inst):
			return 0, false
		}
	}
	return 0, false
}

func simulatedARM64(inst arm64asm.Inst) bool {
	switch inst.Op {
	case arm64asm.B, arm64asm.BL, arm64asm.CBZ, arm64asm.CBNZ, arm64asm.TBZ, arm64asm.TBNZ:
		return true
	}
	return false
}

// preservesARM64 says whether inst leaves R0 to R15 and the vector registers,
// which carry arguments (cmd/compile/abi-internal.md), as they are.
func preservesARM64(inst arm64asm.Inst) bool {
	switch inst.Op {
	case arm64asm.CMP, arm64asm.CMN, arm64asm.TST, arm64asm.NOP, arm64asm.STR, arm64asm.STUR, arm64asm.STP:
		return true
	case arm64asm.LDR, arm64asm.MOV, arm64asm.MOVZ, arm64asm.MOVK, arm64asm.ADD, arm64asm.SUB, arm64asm.SUBS:
		switch target := inst.Args[0].(type) {
		case arm64asm.Reg:
			return freeARM64(target)
		case arm64asm.RegSP:
			return freeARM64(arm64asm.Reg(target))
		}
	}
	return false
}

// freeARM64 says whether a register carries no argument: the linker's and
// assembler's temporaries, the frame pointer, the link register, SP and XZR.
func freeARM64(r arm64asm.Reg) bool {
	switch r {
	case arm64asm.X16, arm64asm.X17, arm64asm.X27, arm64asm.X29, arm64asm.X30, arm64asm.XZR:
		return true // XZR and SP have the same number
	}
	return false
}

// loopsToARM64 says whether code after at jumps back to at or before, but for
// the entry, to which a function returns after its stack has grown.
func loopsToARM64(code []byte, at int) bool {
	for pc := at; pc+instructionARM64 <= len(code); pc += instructionARM64 {
		inst, err := arm64asm.Decode(code[pc:])
		if err != nil || !simulatedARM64(inst) || inst.Op == arm64asm.BL {
			continue
		}
		for _, arg := range inst.Args {
			if rel, ok := arg.(arm64asm.PCRel); ok {
				if target := pc + int(rel); target > 0 && target <= at {
					return true
				}
			}
		}
	}
	return false
}

// callsARM64 finds BL to target. Instructions have four bytes each, so what
// cannot be decoded does not hide where the next one starts.
func callsARM64(code []byte, target int64) (calls []int, end int) {
	for ; end+instructionARM64 <= len(code); end += instructionARM64 {
		inst, err := arm64asm.Decode(code[end:])
		if err != nil || inst.Op != arm64asm.BL {
			continue
		}
		if rel, ok := inst.Args[0].(arm64asm.PCRel); ok && int64(end)+int64(rel) == target {
			calls = append(calls, end)
		}
	}
	return calls, len(code)
}
