// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procmem

import (
	"encoding/binary"
	"fmt"
)

// Uint64 reads the 8 bytes at address, little endian as on amd64 and arm64.
func (p *Process) Uint64(address uint64) (uint64, error) {
	var b [8]byte
	if err := p.ReadAt(address, b[:]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

// Uint32 reads the 4 bytes at address, little endian.
func (p *Process) Uint32(address uint64) (uint32, error) {
	var b [4]byte
	if err := p.ReadAt(address, b[:]); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

// GoString reads the Go string whose header (pointer, length) is at address.
// It fails with ErrTooLong where that length exceeds bound, in bytes.
func (p *Process) GoString(address uint64, bound int) (string, error) {
	var header [16]byte
	if err := p.ReadAt(address, header[:]); err != nil {
		return "", err
	}
	data, length := binary.LittleEndian.Uint64(header[:]), binary.LittleEndian.Uint64(header[8:])
	if bound < 0 || length > uint64(bound) {
		return "", fmt.Errorf("string at %#x of process %d, %d bytes, bound %d: %w", address, p.pid, length, bound, ErrTooLong)
	}
	if length == 0 {
		return "", nil
	}
	text := make([]byte, length)
	if err := p.ReadAt(data, text); err != nil {
		return "", err
	}
	return string(text), nil
}
