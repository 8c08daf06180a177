// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
)

// tablePlace is where a function table may stand. The size is an upper bound.
type tablePlace struct{ addr, size uint64 }

// maxTables bounds the places that are tried as the function table.
const maxTables = 8

// functionTables lists where the function table may stand: in its section, or,
// where a linker such as lld has merged that into another or the section headers
// are stripped, wherever data starts with its magic number. What is found so
// still has to agree with the module data.
func (img *image) functionTables() ([]tablePlace, error) {
	if section := img.section(".gopclntab", ".data.rel.ro.gopclntab"); section != nil {
		if img.segment(section.Addr, section.Size) == nil {
			return nil, fmt.Errorf("%w: function table of %d bytes at %#x", ErrTruncated, section.Size, section.Addr)
		}
		return []tablePlace{{section.Addr, section.Size}}, nil
	}
	var found []tablePlace
	left := uint64(img.size) // segments that overlap would make this endless
	for _, p := range img.file.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		if p.Filesz > left {
			return nil, fmt.Errorf("%w: segment of %d bytes", ErrTruncated, p.Filesz)
		}
		left -= p.Filesz
		for _, at := range searchMagic(io.NewSectionReader(p, 0, int64(p.Filesz)), -p.Vaddr&7, p.Filesz) {
			found = append(found, tablePlace{addr: p.Vaddr + at, size: p.Filesz - at})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: no function table", ErrNotGo)
	}
	return found[:min(len(found), maxTables)], nil
}

// searchMagic lists the aligned offsets at which r has the first eight bytes of
// a function table: magic number, two zeros, instruction size, pointer size.
func searchMagic(r io.ReaderAt, start, end uint64) []uint64 {
	var found []uint64
	words := newWindow(r)
	for offset := start; offset+8 <= end && len(found) < maxTables; offset += 8 {
		head := words.at(int64(offset), 8)
		if len(head) < 8 {
			break
		}
		magic := binary.LittleEndian.Uint32(head)
		if (magic == magicGo118 || magic == magicGo120) && bytes.Equal(head[4:6], []byte{0, 0}) && head[7] == 8 {
			found = append(found, offset)
		}
	}
	return found
}
