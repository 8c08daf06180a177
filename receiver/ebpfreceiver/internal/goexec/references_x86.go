// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "golang.org/x/arch/x86/x86asm"

// reference is one place in static data that code refers to.
type reference struct {
	target uint64 // link-time address
	// size of what the instruction reads or writes there, in bytes; 0 where it
	// only takes the address.
	size int
	// exchanged: an xchg writes there, as an atomic store does.
	exchanged bool
}

// referencesAMD64 lists what code, linked at addr, refers to relative to its
// instruction pointer, as Go's compiler addresses all static data. It stops at
// the first instruction that it cannot decode: a place that is missing proves
// nothing, one that is made up could.
func referencesAMD64(code []byte, addr uint64) []reference {
	var found []reference
	held := heldAddresses{}
	for at := 0; at < len(code); {
		inst, length, ok := decodeX86(code[at:])
		if !ok {
			break
		}
		at += length
		for _, arg := range inst.Args {
			mem, ok := arg.(x86asm.Mem)
			switch {
			case !ok:
			case mem.Base == x86asm.RIP:
				size := inst.MemBytes
				if inst.Op == x86asm.LEA {
					size = 0
				}
				found = append(found, reference{
					target: relative(mem, addr+uint64(at)), size: size, exchanged: inst.Op == x86asm.XCHG,
				})
			case inst.Op == x86asm.XCHG && mem.Index == 0 && mem.Disp == 0:
				if target, ok := held.of(mem.Base); ok {
					found = append(found, reference{target: target, size: inst.MemBytes, exchanged: true})
				}
			}
		}
		held.follow(inst, addr+uint64(at))
	}
	return found
}

// relative is what an operand refers to relative to the instruction pointer, in
// an instruction that ends at next. x86asm does not extend the sign.
func relative(mem x86asm.Mem, next uint64) uint64 {
	return next + uint64(int64(int32(mem.Disp)))
}

// heldAddresses are the static addresses that registers hold since a LEA: the
// compiler takes the address of what it exchanges. Only straight code is
// followed, and only through instructions whose effect is known: each other one
// forgets all.
type heldAddresses map[int]uint64

func (h heldAddresses) of(reg x86asm.Reg) (uint64, bool) {
	number, ok := registerNumber(reg)
	target, held := h[number]
	return target, ok && held
}

// follow notes what inst, which ends at next, leaves in the registers.
func (h heldAddresses) follow(inst x86asm.Inst, next uint64) {
	switch inst.Op {
	case x86asm.CMP, x86asm.TEST, x86asm.NOP:
	case x86asm.MOV, x86asm.MOVZX, x86asm.MOVSX, x86asm.MOVSXD, x86asm.ADD, x86asm.SUB, x86asm.AND, x86asm.OR, x86asm.XOR, x86asm.INC, x86asm.DEC:
		h.forget(inst.Args[0])
	case x86asm.XCHG:
		h.forget(inst.Args[0])
		h.forget(inst.Args[1])
	case x86asm.LEA:
		h.forget(inst.Args[0])
		h.take(inst, next)
	default:
		clear(h)
	}
}

func (h heldAddresses) forget(arg x86asm.Arg) {
	if reg, ok := arg.(x86asm.Reg); ok {
		if number, ok := registerNumber(reg); ok {
			delete(h, number)
		}
	}
}

// take notes the address that a LEA relative to the instruction pointer gives.
func (h heldAddresses) take(inst x86asm.Inst, next uint64) {
	reg, isReg := inst.Args[0].(x86asm.Reg)
	mem, isMem := inst.Args[1].(x86asm.Mem)
	number, known := registerNumber(reg)
	if isReg && isMem && known && mem.Base == x86asm.RIP {
		h[number] = relative(mem, next)
	}
}

// registerNumber is the same for a register of 64 bits and its lower parts.
func registerNumber(reg x86asm.Reg) (int, bool) {
	switch {
	case reg >= x86asm.RAX && reg <= x86asm.R15:
		return int(reg - x86asm.RAX), true
	case reg >= x86asm.EAX && reg <= x86asm.R15L:
		return int(reg - x86asm.EAX), true
	case reg >= x86asm.AX && reg <= x86asm.R15W:
		return int(reg - x86asm.AX), true
	case reg >= x86asm.SPB && reg <= x86asm.R15B:
		return int(reg-x86asm.SPB) + 4, true
	case reg >= x86asm.AL && reg <= x86asm.BL:
		return int(reg - x86asm.AL), true
	case reg >= x86asm.AH && reg <= x86asm.BH:
		return int(reg - x86asm.AH), true
	}
	return 0, false
}
