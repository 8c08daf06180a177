// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openTiny(t testing.TB, p *tinyProgram) *Binary {
	t.Helper()
	data := p.build(t)
	b, err := newBinary(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	return b
}

func TestTinyProgram(t *testing.T) {
	for _, kind := range []elf.Type{elf.ET_EXEC, elf.ET_DYN} {
		p := newTinyProgram()
		p.kind = kind
		b := openTiny(t, p)
		bySymbol, err := b.functionBySymbol("main.f")
		require.NoError(t, err)
		byTable, err := b.functionByTable("main.f")
		require.NoError(t, err)
		assert.Equal(t, bySymbol, byTable)
		at, err := b.ProbePoint(byTable)
		require.NoError(t, err)
		assert.Equal(t, byTable.Offset+6, at)
		offsets, err := b.Offsets([]Field{{"runtime.g", "goid"}, {"runtime.g", "sched"}})
		require.NoError(t, err)
		assert.Equal(t, map[Field]Offset{
			{"runtime.g", "goid"}: {8, SourceDWARF}, {"runtime.g", "sched"}: {16, SourceDWARF},
		}, offsets)
	}
}

// hide renames the sections that name what the test wants found by other means.
func hide(names ...int) func([]elf.Section64) {
	return func(sections []elf.Section64) {
		for _, i := range names {
			sections[i].Name = 0
		}
	}
}

const (
	tinyPclntab, tinyModuleData, tinyRelocations, tinyDebugInfo, tinySymtab = 3, 4, 5, 7, 8
)

// Without symbol and section the module data is found by search.
func TestModuleDataBySearch(t *testing.T) {
	for _, kind := range []elf.Type{elf.ET_EXEC, elf.ET_DYN} {
		p := newTinyProgram()
		p.kind, p.sections = kind, hide(tinyModuleData, tinySymtab)
		f, err := openTiny(t, p).Function("main.f")
		require.NoError(t, err)
		assert.EqualValues(t, len(p.text), f.Size)
	}
}

// Without its section the function table is found by its magic number.
func TestFunctionTableBySearch(t *testing.T) {
	for _, kind := range []elf.Type{elf.ET_EXEC, elf.ET_DYN} {
		p := newTinyProgram()
		p.kind = kind
		p.sections = hide(tinyPclntab, tinyModuleData, tinySymtab)
		f, err := openTiny(t, p).Function("main.f")
		require.NoError(t, err)
		assert.EqualValues(t, len(p.text), f.Size)
	}
}

// Each word of the module data is checked against the function table: one that
// does not fit refuses the whole, because the text may start elsewhere.
func TestModuleDataMustFit(t *testing.T) {
	for _, word := range []int{moduleHeader, moduleNames, modulePclntable, moduleFunctab, moduleFunctab + 1, moduleMinPC, moduleMaxPC, moduleText} {
		for _, kind := range []elf.Type{elf.ET_EXEC, elf.ET_DYN} {
			p := newTinyProgram()
			p.kind, p.sections = kind, hide(tinySymtab)
			p.module = func(words []uint64) { words[word] += 8 }
			_, err := openTiny(t, p).Function("main.f")
			require.ErrorIs(t, err, ErrNoFunction, "word %d", word)
		}
	}
}

func TestHostileFunctionTable(t *testing.T) {
	word := func(i int, value uint64) func([]byte) []byte {
		return func(table []byte) []byte {
			binary.LittleEndian.PutUint64(table[8+8*i:], value)
			return table
		}
	}
	tests := map[string]func([]byte) []byte{
		"empty":                    func([]byte) []byte { return nil },
		"header only":              func(t []byte) []byte { return t[:pclnHeaderSize] },
		"cut":                      func(t []byte) []byte { return t[:len(t)-1] },
		"magic of Go 1.16":         func(t []byte) []byte { t[0] = 0xfa; return t },
		"32-bit pointers":          func(t []byte) []byte { t[7] = 4; return t },
		"no function":              word(0, 0),
		"2^63 functions":           word(0, 1<<63),
		"2^61 functions, overflow": word(0, 1<<61),
		"names outside":            word(3, 1<<40),
		"functions outside":        word(7, ^uint64(0)),
		"ends before it starts":    func(t []byte) []byte { t[len(t)-20] = 0xff; return t },
		"data outside":             func(t []byte) []byte { t[len(t)-13] = 0xff; return t },
		"data of another function": func(t []byte) []byte { t[len(t)-8] = 1; return t },
		"name outside":             func(t []byte) []byte { t[len(t)-1] = 0x7f; return t },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			p := newTinyProgram()
			p.pclntab, p.sections = change, hide(tinySymtab)
			_, err := openTiny(t, p).Function("main.f")
			require.ErrorIs(t, err, ErrNoFunction)
		})
	}
}

func TestHostileDWARF(t *testing.T) {
	typedef := uint32(4 + 8 + 9 + 6) // refers to itself
	length := func(value uint32) []byte {
		info := tinyInfo(tinyStructs(typedef))
		binary.LittleEndian.PutUint32(info, value)
		return info
	}
	tests := map[string]struct{ info, abbrev []byte }{
		"cyclic typedef":    {tinyInfo(tinyStructs(typedef)), tinyAbbrev},
		"reference outside": {tinyInfo(tinyStructs(1 << 30)), tinyAbbrev},
		"empty":             {nil, tinyAbbrev},
		"no abbreviations":  {tinyInfo(tinyStructs(typedef)), nil},
		"abbreviations cut": {tinyInfo(tinyStructs(typedef)), tinyAbbrev[:20]},
		"unit of 4 GiB":     {length(0xfffffff0), tinyAbbrev},
		"64-bit DWARF":      {length(0xffffffff), tinyAbbrev},
		"unit of 0 bytes":   {length(0), tinyAbbrev},
		"many empty units":  {make([]byte, 4*maxUnits+8), tinyAbbrev},
		"unit cut":          {tinyInfo(tinyStructs(typedef))[:40], tinyAbbrev},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newTinyProgram()
			p.info, p.abbrev = test.info, test.abbrev
			b := openTiny(t, p)
			b.version = "go1.99.0" // so that the table does not answer instead
			_, err := b.Offsets([]Field{{"runtime.g", "sched.bp"}})
			require.ErrorIs(t, err, ErrNoOffset)
		})
	}
}

// Relocation sections that cover the file many times over would make reading
// them take forever.
func TestOverlappingRelocations(t *testing.T) {
	p := newTinyProgram()
	p.kind = elf.ET_DYN
	p.sections = func(s []elf.Section64) {
		hide(tinySymtab)(s)
		for _, i := range []int{1, 2, tinyRelocations} {
			s[i].Type, s[i].Off, s[i].Size = uint32(elf.SHT_RELA), 0, 1500
		}
	}
	b := openTiny(t, p)
	_, err := b.Function("main.f")
	require.ErrorIs(t, err, ErrNoFunction)
	require.ErrorIs(t, err, ErrTruncated)
	assert.Contains(t, err.Error(), "relocations")
}

func TestHostileSections(t *testing.T) {
	tests := map[string]func(s []elf.Section64){
		"symbols of 2^62 bytes":     func(s []elf.Section64) { s[tinySymtab].Size = 1 << 62 },
		"symbols outside":           func(s []elf.Section64) { s[tinySymtab].Off = 1 << 40 },
		"names in no section":       func(s []elf.Section64) { s[tinySymtab].Link = 1 << 20 },
		"names of 2^40 bytes":       func(s []elf.Section64) { s[tinySymtab+1].Size = 1 << 40 },
		"names in the null section": func(s []elf.Section64) { s[tinySymtab].Link = 0 },
		"null section with a name":  func(s []elf.Section64) { s[tinyPclntab].Type = uint32(elf.SHT_NULL) },
		"names compressed":          func(s []elf.Section64) { s[tinySymtab+1].Flags = uint64(elf.SHF_COMPRESSED) },
		"symbols compressed":        func(s []elf.Section64) { s[tinySymtab].Flags = uint64(elf.SHF_COMPRESSED) },
		"function table compressed": func(s []elf.Section64) { s[tinyPclntab].Flags = uint64(elf.SHF_COMPRESSED) },
		"names in the symbols":      func(s []elf.Section64) { s[tinySymtab].Link = tinySymtab },
		"function table of 2^40":    func(s []elf.Section64) { s[tinyPclntab].Size = 1 << 40 },
		"function table elsewhere":  func(s []elf.Section64) { s[tinyPclntab].Addr = 1 << 50 },
		"debug info of 2^40 bytes":  func(s []elf.Section64) { s[tinyDebugInfo].Size = 1 << 40 },
		"debug info compressed":     func(s []elf.Section64) { s[tinyDebugInfo].Flags = uint64(elf.SHF_COMPRESSED) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			p := newTinyProgram()
			p.sections = change
			data := p.build(t)
			b, err := newBinary(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				require.ErrorIs(t, err, ErrTruncated)
				return
			}
			exercise(t, b)
		})
	}
}

// endless has data at each offset.
type endless struct{}

func (endless) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestBuildInfoIsSearchedWithinABudget(t *testing.T) {
	r := &budgetReader{reader: endless{}, left: maxBuildInfo}
	var err error
	reads := 0
	for buffer := make([]byte, 1<<20); err == nil; reads++ {
		_, err = r.ReadAt(buffer, int64(reads))
	}
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, maxBuildInfo>>20+1, reads)
}

// debug/buildinfo may panic on a file; its caller does not.
func TestBuildInfoSurvivesAPanic(t *testing.T) {
	_, err := ReadBuildInfo(panicking{})
	require.ErrorIs(t, err, ErrTruncated)
}

type panicking struct{}

func (panicking) ReadAt([]byte, int64) (int, error) { panic("index out of range") }
