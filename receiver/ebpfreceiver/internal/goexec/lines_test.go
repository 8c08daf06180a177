// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"bytes"
	"debug/gosym"
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openLines returns a fixture's lines and its file.
func openLines(t testing.TB, variant string) (*Lines, *os.File) {
	t.Helper()
	lines, err := open(t, fixture(t, variant)).Lines()
	require.NoError(t, err)
	file, err := os.Open(fixture(t, variant))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return lines, file
}

// Every function, every few instructions: outermost function, innermost file and
// line are what the standard library's reader of the table says.
func TestLinesAreThoseOfTheStandardLibrary(t *testing.T) {
	for _, variant := range []string{"normal", "stripped", "pie", "pie-stripped", "arm64"} {
		t.Run(variant, func(t *testing.T) {
			lines, file := openLines(t, variant)
			data := make([]byte, lines.table.size)
			_, err := file.ReadAt(data, int64(lines.table.offset))
			require.NoError(t, err)
			want, err := gosym.NewTable(nil, gosym.NewLineTable(data, lines.text))
			require.NoError(t, err)
			compared, inlined := 0, 0
			for i, f := range want.Funcs {
				for addr := f.Entry; addr < f.End && i%7 == 0; addr += 36 {
					path, line, function := want.PCToLine(addr)
					if function == nil || line <= 0 {
						continue
					}
					calls, err := lines.Calls(file, addr)
					require.NoError(t, err, "%s at %#x", f.Name, addr)
					require.Equal(t, function.Name, calls[len(calls)-1].Function)
					require.Equal(t, path, calls[0].File, f.Name)
					require.Equal(t, line, calls[0].Line, f.Name)
					compared++
					if len(calls) > 1 {
						inlined++
					}
				}
			}
			t.Logf("%d places compared, %d of them in inlined calls", compared, inlined)
			require.Greater(t, compared, 1000)
			require.Greater(t, inlined, 100)
		})
	}
}

// sameLines compares inlined calls of a whole binary, whose go:func.* has a
// symbol, with those of the same stripped, where the module data tells.
func sameLines(t *testing.T, whole, stripped *Binary) {
	t.Helper()
	ours, err := stripped.Lines()
	require.NoError(t, err)
	want, err := whole.Lines()
	require.NoError(t, err)
	symbol, err := whole.Symbol("go:func.*")
	require.NoError(t, err)
	offset, err := whole.FileOffset(symbol.Addr)
	require.NoError(t, err)
	require.Equal(t, offset, want.data.offset)
	module, err := firstTable(whole, func(place tablePlace) (module, error) {
		_, found, err := whole.openTable(place)
		return found, err
	})
	require.NoError(t, err)
	word, err := whole.image.readRelocated(module.addr+8*moduleGofunc, 8)
	require.NoError(t, err)
	require.Equal(t, symbol.Addr, binary.LittleEndian.Uint64(word), "the module data has go:func.* where it is looked for")
	inlined := 0
	for addr := want.text; addr < min(want.end, want.text+1<<20); addr += 97 {
		calls, wantErr := want.Calls(whole.image.reader, addr)
		got, err := ours.Calls(stripped.image.reader, addr)
		require.Equal(t, wantErr == nil, err == nil, "%v; %v", wantErr, err)
		require.Equal(t, calls, got)
		if len(calls) > 1 {
			inlined++
		}
	}
	assert.Greater(t, inlined, 100)
}

func TestStrippedBinariesHaveTheSameLines(t *testing.T) {
	sameLines(t, open(t, fixture(t, "normal")), open(t, fixture(t, "stripped")))
	sameLines(t, open(t, fixture(t, "pie")), open(t, fixture(t, "pie-stripped")))
}

func TestLinesOfWhatIsNoCode(t *testing.T) {
	lines, file := openLines(t, "normal")
	for _, addr := range []uint64{0, lines.text - 1, lines.end, ^uint64(0)} {
		require.False(t, lines.Contains(addr))
		_, err := lines.Calls(file, addr)
		require.ErrorIs(t, err, ErrNoFunction)
	}
	_, err := lines.Calls(bytes.NewReader(nil), lines.text)
	require.ErrorIs(t, err, ErrTruncated)
	_, err = new(Lines).Calls(file, 0)
	require.ErrorIs(t, err, ErrNoFunction)
}

// Any table: no panic, bounded calls.
func FuzzLines(f *testing.F) {
	normal := open(f, fixture(f, "normal"))
	whole, err := normal.Lines()
	require.NoError(f, err)
	data := make([]byte, 4096)
	_, err = normal.image.reader.ReadAt(data, int64(whole.table.offset))
	require.NoError(f, err)
	table, _ := newTinyProgram().table()
	f.Add(table, uint64(0), uint64(0), uint64(8))
	f.Add(table, uint64(1), uint64(16), uint64(1))
	f.Add(data, uint64(100), uint64(64), uint64(3))
	f.Fuzz(func(t *testing.T, data []byte, addr, inlining, quantum uint64) {
		header, err := parsePclnHeader(data)
		if err != nil {
			return
		}
		header.functions %= maxFunctions
		lines := Lines{
			header: header, table: extent{0, uint64(len(data))}, text: 0, end: ^uint64(0),
			data: extent{inlining % 1024, 1 << 12}, quantum: 1 + quantum%4,
		}
		calls, err := lines.Calls(bytes.NewReader(data), addr)
		if err == nil {
			require.NotEmpty(t, calls)
			require.LessOrEqual(t, len(calls), maxInlined)
			return
		}
		require.True(t, wraps(err, ErrTruncated, ErrUnsupported, ErrNoFunction), "%v", err)
	})
}

func BenchmarkCalls(b *testing.B) {
	lines, file := openLines(b, "normal")
	b.ReportAllocs()
	for addr := lines.text; b.Loop(); {
		if addr += 4099; addr >= lines.end {
			addr = lines.text
		}
		if _, err := lines.Calls(file, addr); err != nil {
			b.Fatal(err)
		}
	}
}
