// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// tinyProgram is the smallest executable that has everything that this package
// reads, with every piece in the test's hand: a seed for fuzzing, and a base to
// break in one place at a time. It is not runnable.
type tinyProgram struct {
	kind     elf.Type
	text     []byte // one function, "main.f"
	info     []byte // .debug_info
	abbrev   []byte // .debug_abbrev
	names    string // the function table's names
	module   func(words []uint64)
	pclntab  func(table []byte) []byte
	sections func(sections []elf.Section64)
}

const tinyBase = 0x400000

func newTinyProgram() *tinyProgram {
	return &tinyProgram{
		kind: elf.ET_EXEC,
		text: []byte{0x49, 0x3b, 0x66, 0x10, 0x76, 0x05, 0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc},
		info: tinyInfo(tinyStructs(0x48)), abbrev: tinyAbbrev, names: "\x00main.f\x00",
		module: func([]uint64) {}, pclntab: func(t []byte) []byte { return t }, sections: func([]elf.Section64) {},
	}
}

// tinyAbbrev: 1 compile unit, 2 struct, 3 member, 4 typedef, 5 base type.
var tinyAbbrev = []byte{
	1, 0x11, 1, 0x03, 0x08, 0x13, 0x0b, 0, 0,
	2, 0x13, 1, 0x03, 0x08, 0x0b, 0x0f, 0, 0,
	3, 0x0d, 0, 0x03, 0x08, 0x38, 0x0f, 0x49, 0x10, 0, 0,
	4, 0x16, 0, 0x03, 0x08, 0x49, 0x10, 0, 0,
	5, 0x24, 0, 0x03, 0x08, 0x0b, 0x0b, 0, 0, 0,
}

// tinyInfo is a DWARF 4 unit named runtime, in Go, with these entries.
func tinyInfo(entries []byte) []byte {
	body := append([]byte{4, 0, 0, 0, 0, 0, 8, 1}, "runtime\x00\x16"...)
	body = append(append(body, entries...), 0)
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// tinyStructs is struct runtime.g {goid at 8; sched at 16} and, as the type of
// sched, a typedef of the entry at ref.
func tinyStructs(ref uint32) []byte {
	const first = 4 + 8 + 9 // where the entries start in .debug_info
	var out []byte
	reference := func(at uint32) { out = binary.LittleEndian.AppendUint32(out, at) }
	out = append(out, 5)
	out = append(out, "int\x00\x08"...)
	typedef := uint32(first + len(out))
	out = append(out, 4)
	out = append(out, "T\x00"...)
	reference(ref)
	out = append(out, 2)
	out = append(out, "runtime.g\x00\x20"...)
	out = append(out, 3)
	out = append(out, "goid\x00\x08"...)
	reference(first)
	out = append(out, 3)
	out = append(out, "sched\x00\x10"...)
	reference(typedef)
	out = append(out, 0, 2)
	return append(out, "runtime.gobuf\x00\x10\x00"...)
}

// build lays out one segment that holds the whole file.
func (p *tinyProgram) build(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	put := func(v any) { require.NoError(t, binary.Write(&file, binary.LittleEndian, v)) }
	pad := func() { file.Write(make([]byte, -file.Len()&15)) }
	file.Write(make([]byte, 64+56)) // the headers, written at the end
	sections := []elf.Section64{{}}
	shstrtab := []byte{0}
	add := func(name string, kind elf.SectionType, flags elf.SectionFlag, content []byte) uint64 {
		pad()
		at := uint64(file.Len())
		sections = append(sections, elf.Section64{
			Name: uint32(len(shstrtab)), Type: uint32(kind), Flags: uint64(flags), Addr: tinyBase + at,
			Off: at, Size: uint64(len(content)), Addralign: 1,
		})
		shstrtab = append(append(shstrtab, name...), 0)
		file.Write(content)
		return tinyBase + at
	}
	text := add(".text", elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_EXECINSTR, p.text)
	buildInfo := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	add(".go.buildinfo", elf.SHT_PROGBITS, elf.SHF_ALLOC, append(append(buildInfo, 8), "go1.26.8\x00"...))
	table, header := p.table()
	pclntab := add(".gopclntab", elf.SHT_PROGBITS, elf.SHF_ALLOC, p.pclntab(table))
	words := tinyModule(text, pclntab, header, uint64(len(p.text)))
	p.module(words)
	var module []byte
	for _, word := range words {
		module = binary.LittleEndian.AppendUint64(module, word)
	}
	moduleAt := add(".go.module", elf.SHT_PROGBITS, elf.SHF_ALLOC|elf.SHF_WRITE, module)
	rela := make([]byte, 0, len(words)*relaSize)
	for i, word := range words {
		for _, field := range []uint64{moduleAt + uint64(i)*8, uint64(elf.R_X86_64_RELATIVE), word} {
			rela = binary.LittleEndian.AppendUint64(rela, field)
		}
	}
	add(".rela", elf.SHT_RELA, elf.SHF_ALLOC, rela)
	add(".debug_abbrev", elf.SHT_PROGBITS, 0, p.abbrev)
	add(".debug_info", elf.SHT_PROGBITS, 0, p.info)
	symbols, names := tinySymbols(text, uint64(len(p.text)), moduleAt, uint64(len(module)))
	add(".symtab", elf.SHT_SYMTAB, 0, symbols)
	sections[len(sections)-1].Link = uint32(len(sections))
	add(".strtab", elf.SHT_STRTAB, 0, names)
	add(".shstrtab", elf.SHT_STRTAB, 0, append(shstrtab, ".shstrtab\x00"...))
	p.sections(sections)
	pad()
	sectionsAt := file.Len()
	for _, section := range sections {
		put(section)
	}
	size := uint64(file.Len())
	data := file.Bytes()
	file = *bytes.NewBuffer(nil)
	put(elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1}, Type: uint16(p.kind),
		Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Shoff: uint64(sectionsAt), Ehsize: 64,
		Phentsize: 56, Phnum: 1, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: uint16(len(sections) - 1),
	})
	put(elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X), Vaddr: tinyBase, Filesz: size, Memsz: size, Align: 4096,
	})
	copy(data, file.Bytes())
	return data
}

// table is the function table with one function.
func (p *tinyProgram) table() ([]byte, pclnHeader) {
	header := pclnHeader{functions: 1, names: pclnHeaderSize, functab: pclnHeaderSize + uint64(len(p.names))}
	table := binary.LittleEndian.AppendUint32(nil, magicGo120)
	table = append(table, 0, 0, 1, 8)
	for _, word := range []uint64{1, 0, 0, header.names, header.names, header.names, header.names, header.functab} {
		table = binary.LittleEndian.AppendUint64(table, word)
	}
	table = append(table, p.names...)
	for _, word := range []uint32{0, 12, uint32(len(p.text)), 0, 1} { // functab, then entryOff and nameOff
		table = binary.LittleEndian.AppendUint32(table, word)
	}
	return table, header
}

func tinyModule(text, pclntab uint64, header pclnHeader, size uint64) []uint64 {
	words := make([]uint64, moduleWords)
	words[moduleHeader], words[moduleNames] = pclntab, pclntab+header.names
	words[modulePclntable], words[moduleFunctab] = pclntab+header.functab, pclntab+header.functab
	words[moduleFunctab+1] = header.functions + 1
	words[moduleMinPC], words[moduleMaxPC] = text, text+size
	words[moduleText], words[moduleEndText] = text, text+size
	return words
}

func tinySymbols(text, textSize, module, moduleSize uint64) (symbols, names []byte) {
	names = []byte("\x00main.f\x00runtime.firstmoduledata\x00")
	var out bytes.Buffer
	for _, symbol := range []elf.Sym64{
		{},
		{Name: 1, Info: byte(elf.STT_FUNC), Shndx: 1, Value: text, Size: textSize},
		{Name: 8, Info: byte(elf.STT_OBJECT), Shndx: 4, Value: module, Size: moduleSize},
	} {
		_ = binary.Write(&out, binary.LittleEndian, symbol) // cannot fail: a buffer, and a fixed-size struct
	}
	return out.Bytes(), names
}
