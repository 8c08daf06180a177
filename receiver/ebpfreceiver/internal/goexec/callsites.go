// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"fmt"
)

// CallSites returns the file offsets of the direct calls of callee in caller, in
// address order; none is no error. Code that cannot be decoded whole is an
// error that wraps ErrUnsupported: an offset inside an instruction would crash
// the target.
func (b *Binary) CallSites(caller, callee Function) ([]uint64, error) {
	code, err := b.Code(caller)
	if err != nil {
		return nil, fmt.Errorf("call sites: %w", err)
	}
	find := callsAMD64
	if b.Machine() == elf.EM_AARCH64 {
		find = callsARM64
	}
	calls, end := find(code, int64(callee.Addr)-int64(caller.Addr))
	if end < len(code) {
		return nil, fmt.Errorf("calls of %s in %s: %w: instruction at +%#x", callee.Name, caller.Name, ErrUnsupported, end)
	}
	offsets := make([]uint64, len(calls))
	for i, at := range calls {
		offsets[i] = caller.Offset + uint64(at)
	}
	return offsets, nil
}
