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

// symbolSize is the size of an Elf64_Sym: st_name uint32, st_info uint8,
// st_other uint8, st_shndx uint16, st_value uint64, st_size uint64 (elf(5)).
const symbolSize = 24

// Symbol is a variable of the program.
type Symbol struct {
	Name       string
	Addr, Size uint64 // link-time address; size in bytes
}

// symbolIndex finds entries of .symtab by name.
type symbolIndex struct {
	names   *nameIndex
	symbols io.ReaderAt
	strings io.ReaderAt
}

type elfSymbol struct {
	name       uint32
	kind       elf.SymType
	addr, size uint64
}

func parseSymbol(entry []byte) elfSymbol {
	symbol := elfSymbol{
		name: binary.LittleEndian.Uint32(entry),
		kind: elf.ST_TYPE(entry[4]),
		addr: binary.LittleEndian.Uint64(entry[8:]),
		size: binary.LittleEndian.Uint64(entry[16:]),
	}
	if elf.SectionIndex(binary.LittleEndian.Uint16(entry[6:])) == elf.SHN_UNDEF {
		symbol.kind = elf.STT_NOTYPE
	}
	return symbol
}

// Symbol finds a variable, such as "runtime.sched": in the symbol table, else,
// for those of variableRules, libraryRules and itabRules and the table of size
// classes, through the code that uses it. The error wraps ErrNoSymbol.
func (b *Binary) Symbol(name string) (Symbol, error) {
	found, err := b.lookUp(name, elf.STT_OBJECT)
	if err == nil {
		return Symbol{Name: name, Addr: found.addr, Size: found.size}, nil
	}
	searched, searchErr := b.searchVariable(name)
	if searchErr != nil {
		return Symbol{}, fmt.Errorf("symbol %s: %w: %w; %w", name, ErrNoSymbol, err, searchErr)
	}
	return searched, nil
}

// lookUp finds the one symbol of that name and kind.
func (b *Binary) lookUp(name string, kind elf.SymType) (elfSymbol, error) {
	if b.symbols == nil && b.symbolsErr == nil {
		b.symbols, b.symbolsErr = b.image.indexSymbols()
	}
	if b.symbolsErr != nil {
		return elfSymbol{}, b.symbolsErr
	}
	return b.symbols.find(name, kind)
}

func (img *image) indexSymbols() (*symbolIndex, error) {
	table := img.section(".symtab")
	if table == nil {
		return nil, fmt.Errorf("no symbol table (stripped)")
	}
	if int(table.Link) >= len(img.file.Sections) {
		return nil, fmt.Errorf("%w: symbol table's string section %d", ErrTruncated, table.Link)
	}
	section := img.file.Sections[table.Link]
	if section.Type != elf.SHT_STRTAB || compressed(section) {
		return nil, fmt.Errorf("%w: symbol names in a section of type %v", ErrTruncated, section.Type)
	}
	if section.FileSize > maxStringTable || section.FileSize > uint64(img.size) || table.FileSize > uint64(img.size) {
		return nil, fmt.Errorf("%w: symbol names of %d bytes", ErrTruncated, section.FileSize)
	}
	strings := make([]byte, section.FileSize)
	if n, err := section.ReadAt(strings, 0); n < len(strings) {
		return nil, fmt.Errorf("%w: symbol names: %v", ErrTruncated, err)
	}
	index := &symbolIndex{names: newNameIndex(int(table.FileSize / symbolSize)), symbols: table, strings: section}
	number := uint32(0)
	err := stream(table, symbolSize, func(entry []byte) (err error) {
		symbol := parseSymbol(entry)
		if symbol.kind == elf.STT_FUNC || symbol.kind == elf.STT_OBJECT || symbol.kind == elf.STT_TLS {
			if name := cString(strings, symbol.name); name != nil {
				err = index.names.add(name, number)
			}
		}
		number++
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read symbol table: %w", err)
	}
	index.names.sort()
	return index, nil
}

// cString is the zero-terminated string at offset; nil when it is not inside
// data, or longer than any name.
func cString(data []byte, offset uint32) []byte {
	if uint64(offset) >= uint64(len(data)) {
		return nil
	}
	end := bytes.IndexByte(data[offset:min(uint64(len(data)), uint64(offset)+maxName)], 0)
	if end < 0 {
		return nil
	}
	return data[offset : int(offset)+end]
}

func (x *symbolIndex) find(name string, kind elf.SymType) (elfSymbol, error) {
	var found elfSymbol
	var count int
	entry := make([]byte, symbolSize)
	for _, candidate := range x.names.candidates(name) {
		if _, err := x.symbols.ReadAt(entry, int64(candidate.number)*symbolSize); err != nil {
			return elfSymbol{}, fmt.Errorf("read symbol %d: %w", candidate.number, err)
		}
		symbol := parseSymbol(entry)
		if symbol.kind != kind || !nameAt(x.strings, int64(symbol.name), name) {
			continue
		}
		if count > 0 && symbol.addr == found.addr {
			continue // listed twice, but one thing
		}
		found = symbol
		count++
	}
	switch count {
	case 0:
		return elfSymbol{}, fmt.Errorf("not in the symbol table")
	case 1:
		return found, nil
	default:
		return elfSymbol{}, fmt.Errorf("%d symbols have this name", count)
	}
}

// nameAt says whether the zero-terminated string at offset equals name.
func nameAt(r io.ReaderAt, offset int64, name string) bool {
	got := make([]byte, len(name)+1)
	n, _ := r.ReadAt(got, offset)
	return n == len(got) && string(got[:len(name)]) == name && got[len(name)] == 0
}
