// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"fmt"
)

// BranchOnResult returns the file offset of the conditional branch in the
// function caller that decides, by what the function inlined returned, whether
// callee is called: the last one before the only call of callee, with nothing
// between that branches or is jumped to, and after an instruction of inlined,
// which the line tables tell. The kernel emulates it. The error wraps
// ErrNoProbePoint, ErrNoFunction, ErrUnsupported or ErrTruncated: then there is no
// such place, or it is not proven. On arm64 none is looked for.
func (b *Binary) BranchOnResult(caller, inlined, callee string) (uint64, error) {
	at, f, err := b.branchOnResult(caller, inlined, callee)
	if err != nil {
		return 0, fmt.Errorf("in %s, before the call of %s: %w", caller, callee, err)
	}
	return f.Offset + uint64(at), nil
}

func (b *Binary) branchOnResult(caller, inlined, callee string) (int, Function, error) {
	if b.Machine() != elf.EM_X86_64 {
		return 0, Function{}, fmt.Errorf("%w on %v", ErrNoProbePoint, b.Machine())
	}
	within, err := b.Function(caller)
	if err != nil {
		return 0, within, err
	}
	called, err := b.Function(callee)
	if err != nil {
		return 0, within, err
	}
	code, err := b.Code(within)
	if err != nil {
		return 0, within, err
	}
	at, before, ok := branchBeforeCallAMD64(code, int64(called.Addr)-int64(within.Addr))
	if !ok {
		return 0, within, ErrNoProbePoint
	}
	lines, err := b.Lines()
	if err != nil {
		return 0, within, err
	}
	for _, pc := range before {
		calls, err := lines.Calls(b.image.reader, within.Addr+uint64(pc))
		if err != nil {
			return 0, within, err
		}
		if calls[0].Function == inlined {
			return at, within, nil
		}
	}
	return 0, within, fmt.Errorf("%w: the branch is not on the result of %s", ErrNoProbePoint, inlined)
}

// resultLoads is how many instructions before the branch may bring the result.
const resultLoads = 3

// branchBeforeCallAMD64 finds the last conditional branch before the only call of
// target, and the instructions right before it.
func branchBeforeCallAMD64(code []byte, target int64) (branch int, before []int, ok bool) {
	calls, end := callsAMD64(code, target)
	if end < len(code) || len(calls) != 1 {
		return 0, nil, false
	}
	branch, after := -1, 0
	var recent []int
	for at := 0; at < calls[0]; {
		_, length, ok := decodeX86(code[at:])
		if !ok {
			return 0, nil, false
		}
		if emulatedBranch(code[at:]) {
			branch, after, before = -1, at+length, nil
			if conditionalBranch(code[at:]) {
				branch, before = at, recent
			}
			recent = nil
		} else if recent = append(recent, at); len(recent) > resultLoads {
			recent = recent[1:]
		}
		at += length
	}
	if branch < 0 || jumpsBetween(code, after, calls[0]) {
		return 0, nil, false
	}
	return branch, before, true
}
