// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import "errors"

// The reasons for which an analysis ends without a result. Every error of this
// package wraps one of these, or an error of the operating system.
var (
	// ErrNotELF: the file does not start with an ELF header.
	ErrNotELF = errors.New("not an ELF file")
	// ErrNotGo: an ELF file without Go's build information or function table.
	ErrNotGo = errors.New("not a Go executable")
	// ErrTruncated: a header or table points outside the file.
	ErrTruncated = errors.New("truncated or malformed executable")
	// ErrUnsupported: an architecture, Go version or encoding that is not handled.
	ErrUnsupported = errors.New("unsupported executable")
	// ErrNoFunction: no function of that name, or more than one.
	ErrNoFunction = errors.New("function not found")
	// ErrNoSymbol: no data symbol of that name, or more than one; and, in a
	// stripped binary, no code that proves where the variable is.
	ErrNoSymbol = errors.New("symbol not found")
	// ErrNoProbePoint: no instruction at which a probe would be both cheap and safe.
	ErrNoProbePoint = errors.New("no safe probe point")
	// ErrNoOffset: an offset or size that neither DWARF nor the version table proves.
	ErrNoOffset = errors.New("offset not proven")
)
