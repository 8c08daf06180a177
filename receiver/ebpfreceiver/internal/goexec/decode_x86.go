// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "golang.org/x/arch/x86/x86asm"

// decodeX86 decodes the instruction at the start of code. x86asm knows no vector
// instructions with VEX or EVEX prefix, which the compiler writes for
// GOAMD64=v3 and the runtime's assembly holds: of those only the length is told.
func decodeX86(code []byte) (inst x86asm.Inst, length int, ok bool) {
	if length, ok = vectorLength(code); ok {
		return x86asm.Inst{}, length, true
	}
	inst, err := x86asm.Decode(code, 64)
	if err != nil || inst.Len <= 0 {
		return x86asm.Inst{}, 0, false
	}
	return inst, inst.Len, true
}

// The prefixes (Intel SDM volume 2, sections 2.3 and 2.7). In 64-bit mode these
// bytes have no other meaning.
const (
	prefixEVEX = 0x62
	prefixVEX3 = 0xc4
	prefixVEX2 = 0xc5
)

// vectorLength is the length of an instruction with VEX or EVEX prefix.
func vectorLength(code []byte) (int, bool) {
	if len(code) < 5 {
		return 0, false
	}
	prefix, opcodeMap := 0, byte(1)
	switch code[0] {
	case prefixVEX2:
		prefix = 2
	case prefixVEX3:
		prefix, opcodeMap = 3, code[1]&0x1f
	case prefixEVEX:
		prefix, opcodeMap = 4, code[1]&0x07
	default:
		return 0, false
	}
	opcode := code[prefix]
	if opcodeMap == 1 && opcode == 0x77 { // vzeroupper, vzeroall
		return prefix + 1, true
	}
	operand, ok := operandLength(code[prefix+1:])
	if !ok || opcodeMap == 0 || opcodeMap > 3 {
		return 0, false
	}
	length := prefix + 1 + operand
	if hasImmediate(opcodeMap, opcode) {
		length++
	}
	return length, length <= len(code)
}

// hasImmediate says whether a vector instruction ends with an immediate byte.
func hasImmediate(opcodeMap, opcode byte) bool {
	switch opcodeMap {
	case 1:
		return opcode >= 0x70 && opcode <= 0x73 || opcode == 0xc2 || opcode >= 0xc4 && opcode <= 0xc6
	case 3:
		return true
	}
	return false
}

// operandLength is the length of ModRM, SIB and displacement.
func operandLength(code []byte) (int, bool) {
	if len(code) == 0 {
		return 0, false
	}
	mode, base, length := code[0]>>6, code[0]&7, 1
	if mode == 3 {
		return length, true
	}
	if base == 4 {
		if len(code) < 2 {
			return 0, false
		}
		base, length = code[1]&7, 2
	}
	switch {
	case mode == 1:
		length++
	case mode == 2, mode == 0 && base == 5:
		length += 4
	}
	return length, true
}
