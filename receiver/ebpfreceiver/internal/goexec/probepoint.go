// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"fmt"
)

// ProbePoint returns the file offset of the first instruction of f that the
// kernel emulates, so that a hit costs no single step, and at which the argument
// registers are still intact. On amd64 that is the "push %rbp" after the stack
// check; where there is none (Go 1.20 and older, functions without a frame) and
// on arm64 the first branch, often that of the stack check. The error wraps
// ErrNoProbePoint: then the function must not be probed.
//
// At the branch of the stack check, a call that grows the stack counts twice;
// after it, once.
func (b *Binary) ProbePoint(f Function) (uint64, error) {
	code, err := b.Code(f)
	if err != nil {
		return 0, fmt.Errorf("probe point: %w", err)
	}
	find := probePointAMD64
	if b.Machine() == elf.EM_AARCH64 {
		find = probePointARM64
	}
	at, ok := find(code)
	if !ok {
		return 0, fmt.Errorf("probe point of %s: %w", f.Name, ErrNoProbePoint)
	}
	return f.Offset + uint64(at), nil
}

// maxPrologue is how far a prologue is followed, in bytes of code. The longest
// that the compiler writes, for a frame of more than 2 GiB, is under 48.
const maxPrologue = 64
