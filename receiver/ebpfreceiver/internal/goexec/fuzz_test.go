// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exercise asks for everything; whatever the answer, it must come without a
// panic, and a function must lie inside the file.
func exercise(t testing.TB, b *Binary) {
	t.Helper()
	for _, name := range []string{"main.f", "runtime.newproc1", ""} {
		f, err := b.Function(name)
		if err != nil {
			require.ErrorIs(t, err, ErrNoFunction)
			continue
		}
		code, err := b.Code(f)
		require.NoError(t, err)
		require.Len(t, code, int(f.Size))
		require.LessOrEqual(t, f.Offset+f.Size, uint64(b.image.size))
		at, err := b.ProbePoint(f)
		if err == nil {
			require.GreaterOrEqual(t, at, f.Offset)
			require.Less(t, at, f.Offset+f.Size)
		}
		_, _ = b.CallSites(f, f)
	}
	for _, name := range []string{"runtime.sched", "runtime.gomaxprocs", classesSince125} {
		_, _ = b.Symbol(name)
	}
	_, _ = b.searchItab("", itabRule{method: "main.f", functions: []string{"main.f"}})
	_, _ = b.Offsets([]Field{{"runtime.g", "goid"}, {"runtime.g", "sched.bp"}, {"runtime.gobuf", "x.y.z"}})
	_, _ = b.TypeSize("runtime.g")
	_, _ = b.WaitReasons()
	_, _ = b.TLSOffset()
	_, _ = b.LoadBias(strings.NewReader("400000-401000 r-xp 00000000 08:01 0 /x\n"))
	_ = b.Stripped() || b.HasDWARF() || b.PIE()
}

func FuzzOpen(f *testing.F) {
	for _, kind := range []elf.Type{elf.ET_EXEC, elf.ET_DYN} {
		p := newTinyProgram()
		p.kind = kind
		f.Add(p.build(f))
		p.sections = hide(tinyModuleData, tinySymtab)
		f.Add(p.build(f))
	}
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := newBinary(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			require.True(t, wraps(err, ErrNotELF, ErrNotGo, ErrTruncated, ErrUnsupported), "%v", err)
			return
		}
		exercise(t, b)
	})
}

func wraps(err error, any ...error) bool {
	for _, want := range any {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

func FuzzPclntab(f *testing.F) {
	table, _ := newTinyProgram().table()
	f.Add(table)
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := openPclntab(bytes.NewReader(data), uint64(len(data)))
		if err != nil {
			return
		}
		names, err := table.index()
		if err != nil {
			return
		}
		require.Len(t, names.entries, int(table.header.functions))
		number, err := table.find(names, "main.f")
		if err == nil {
			require.Less(t, number, table.header.functions)
			require.LessOrEqual(t, table.entry(number), table.entry(number+1))
		}
	})
}

// FuzzModuleData changes the words of the module data, which is where the
// function table's addresses come from.
func FuzzModuleData(f *testing.F) {
	f.Add(make([]byte, 8*moduleWords), false)
	shifted := make([]byte, 8*moduleWords) // all that tells of the text, alike
	for _, word := range []int{moduleMinPC, moduleMaxPC, moduleText, moduleEndText} {
		shifted[8*word] = 4
	}
	f.Add(shifted, true)
	f.Fuzz(func(t *testing.T, change []byte, pie bool) {
		p := newTinyProgram()
		p.sections = hide(tinySymtab)
		if pie {
			p.kind = elf.ET_DYN
		}
		p.module = func(words []uint64) {
			for i := range min(len(words), len(change)/8) {
				words[i] += binary.LittleEndian.Uint64(change[8*i:])
			}
		}
		b := openTiny(t, p)
		exercise(t, b)
		if found, err := b.Function("main.f"); err == nil {
			require.True(t, b.image.executable(found.Addr))
			require.EqualValues(t, len(p.text), found.Size)
		}
	})
}

func FuzzDWARF(f *testing.F) {
	f.Add(tinyInfo(tinyStructs(0x48)), tinyAbbrev)
	f.Add(tinyInfo(tinyStructs(4+8+9+6)), tinyAbbrev)
	f.Fuzz(func(t *testing.T, info, abbrev []byte) {
		p := newTinyProgram()
		p.info, p.abbrev = info, abbrev
		types := openTiny(t, p).dwarfTypes()
		for _, name := range []string{"goid", "sched.x", "sched.x.y"} {
			offset, err := resolve(types, Field{"runtime.g", name})
			if err != nil {
				continue
			}
			found, err := types.find("runtime.g")
			require.NoError(t, err)
			require.LessOrEqual(t, offset, 3*maxStruct+found.size)
		}
	})
}

func FuzzProbePoint(f *testing.F) {
	f.Add(newTinyProgram().text)
	f.Add(machineCode(f, "4c8d6424f8 4d3b6610 0f8600010000 55 c5fe6f06 62f17c4828c1 e800000000 c3"))
	f.Fuzz(func(t *testing.T, code []byte) {
		if at, ok := probePointAMD64(code); ok {
			require.True(t, code[at] == 0x55 || emulatedBranch(code[at:]))
		}
		if at, ok := probePointARM64(code); ok {
			require.Less(t, at, len(code))
		}
		calls, end := callsAMD64(code, 0)
		require.LessOrEqual(t, end, len(code))
		for _, at := range calls {
			require.Equal(t, byte(0xe8), code[at])
		}
		callsARM64(code, 0)
	})
}

func FuzzMapping(f *testing.F) {
	f.Add("7f0000000000-7f0000001000 r-xp 00001000 08:01 42 /srv/my app (deleted)")
	f.Fuzz(func(t *testing.T, line string) {
		if m, ok := parseMapping(line); ok {
			require.LessOrEqual(t, m.start, m.end)
		}
	})
}
