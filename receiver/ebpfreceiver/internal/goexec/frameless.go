// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"fmt"
	"io"
)

// Frameless says whether the function that the instruction at a link-time
// address stands in has no frame at that instruction: it has none at all, has
// not set it up yet, or has left it. On amd64 the return address is then on top
// of the stack, and no frame pointer leads to it. file is the executable's. The
// error wraps ErrNoFunction or ErrTruncated.
func (l *Lines) Frameless(file io.ReaderAt, addr uint64) (bool, error) {
	if !l.Contains(addr) {
		return false, fmt.Errorf("%w: %#x is not in the text", ErrNoFunction, addr)
	}
	t := lineTable{Lines: l, file: file}
	f, err := t.function(addr - l.text)
	if err != nil {
		return false, fmt.Errorf("frame at %#x: %w", addr, err)
	}
	size, err := t.value(f.frames, f, addr-l.text) // pcsp: bytes below the return address
	if err != nil {
		return false, fmt.Errorf("frame at %#x: %w", addr, err)
	}
	return size == 0, nil
}
