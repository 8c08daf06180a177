// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The words of runtime.moduledata (runtime/symtab.go) that are used here; they
// have kept their places since Go 1.16.
const (
	moduleHeader    = 0 // pcHeader
	moduleNames     = 1 // funcnametab []byte
	modulePclntable = 13
	moduleFunctab   = 16
	moduleMinPC     = 20
	moduleMaxPC     = 21
	moduleText      = 22
	moduleEndText   = 23
	moduleWords     = 24
)

// module is the module data of a function table: its own address, and the one
// from which the function table counts.
type module struct{ addr, text uint64 }

// findModule proves the address from which the function table counts. It stands
// in the module data, which is found by symbol, by section (Go 1.26), or by
// search for its pointer to the function table; and is taken only when the
// module data agrees with the function table in every word.
func (b *Binary) findModule(table *pclntab, addr uint64) (module, error) {
	var failures []error
	try := func(at uint64) (module, bool) {
		text, err := b.image.moduleText(table, addr, at)
		if err != nil {
			failures = append(failures, fmt.Errorf("module data at %#x: %w", at, err))
		}
		return module{addr: at, text: text}, err == nil
	}
	if symbol, err := b.Symbol("runtime.firstmoduledata"); err == nil {
		if found, ok := try(symbol.Addr); ok {
			return found, nil
		}
	}
	if section := b.image.section(".go.module"); section != nil {
		if found, ok := try(section.Addr); ok {
			return found, nil
		}
	}
	candidates, err := b.image.pointersTo(addr)
	if err != nil {
		return module{}, err
	}
	for _, at := range candidates {
		if found, ok := try(at); ok {
			return found, nil
		}
	}
	return module{}, fmt.Errorf("%w: no module data fits the function table: %w", ErrUnsupported, errors.Join(failures...))
}

// moduleText is the start of the text according to the module data at addr, if
// that is the module data of table.
func (img *image) moduleText(table *pclntab, tableAddr, addr uint64) (uint64, error) {
	data, err := img.readRelocated(addr, moduleWords*8)
	if err != nil {
		return 0, err
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8*i:]) }
	text, header := word(moduleText), table.header
	checks := []struct {
		what      string
		got, want uint64
	}{
		{"function table", word(moduleHeader), tableAddr},
		{"names", word(moduleNames), tableAddr + header.names},
		{"function data", word(modulePclntable), tableAddr + header.functab},
		{"functions", word(moduleFunctab), tableAddr + header.functab},
		{"number of functions", word(moduleFunctab + 1), header.functions + 1},
		{"first address", word(moduleMinPC), text + table.entry(0)},
		{"last address", word(moduleMaxPC), text + table.entry(header.functions)},
	}
	for _, check := range checks {
		if check.got != check.want {
			return 0, fmt.Errorf("%w: %s is %#x, not %#x", ErrUnsupported, check.what, check.got, check.want)
		}
	}
	if !img.executable(text) || word(moduleEndText) < text || !img.executable(word(moduleMaxPC)-1) {
		return 0, fmt.Errorf("%w: text at %#x is not executable", ErrUnsupported, text)
	}
	return text, nil
}

// maxModules bounds the addresses that are tried as the module data. There are
// two pointers to the function table in a normal executable.
const maxModules = 8

// pointersTo lists the addresses of writable data that hold a pointer to target.
func (img *image) pointersTo(target uint64) ([]uint64, error) {
	var found []uint64
	add := func(at uint64) {
		if len(found) < maxModules {
			found = append(found, at)
		}
	}
	if img.file.Type == elf.ET_DYN {
		err := img.relativeRelocations(func(at, value uint64) {
			if value == target {
				add(at)
			}
		})
		return found, err
	}
	left := uint64(img.size) // segments that overlap would make this endless
	for _, p := range img.file.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_W == 0 {
			continue
		}
		if p.Filesz > left {
			return nil, fmt.Errorf("%w: segment of %d bytes", ErrTruncated, p.Filesz)
		}
		left -= p.Filesz
		words := newWindow(io.NewSectionReader(p, 0, int64(p.Filesz)))
		for offset := -p.Vaddr & 7; offset+8 <= p.Filesz; offset += 8 {
			word := words.at(int64(offset), 8)
			if len(word) < 8 {
				break
			}
			if binary.LittleEndian.Uint64(word) == target {
				add(p.Vaddr + offset)
			}
		}
	}
	return found, nil
}
