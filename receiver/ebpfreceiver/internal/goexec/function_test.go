// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The function table and the symbol table are written by different parts of the
// linker: where they name the same function they must give the same address.
func TestFunctionTableAgreesWithSymbols(t *testing.T) {
	for _, variant := range []string{"normal", "pie", "arm64"} {
		t.Run(variant, func(t *testing.T) {
			b := open(t, fixture(t, variant))
			symbols, err := b.image.file.Symbols()
			require.NoError(t, err)
			compared := 0
			for _, symbol := range symbols {
				if elf.ST_TYPE(symbol.Info) != elf.STT_FUNC || symbol.Section == elf.SHN_UNDEF {
					continue
				}
				bySymbol, err := b.functionBySymbol(symbol.Name)
				if err != nil {
					continue
				}
				byTable, err := b.functionByTable(symbol.Name)
				if err != nil {
					continue
				}
				require.Equal(t, bySymbol.Addr, byTable.Addr, symbol.Name)
				require.Equal(t, bySymbol.Offset, byTable.Offset, symbol.Name)
				require.LessOrEqual(t, bySymbol.Size, byTable.Size, symbol.Name)
				compared++
			}
			require.Greater(t, compared, 3000)
			require.Greater(t, compared, len(symbols)/3)
		})
	}
}

// Stripping removes tables only: functions stay where they are.
func TestFunctionsOfStrippedBinary(t *testing.T) {
	for whole, stripped := range map[string]string{"normal": "stripped", "pie": "pie-stripped"} {
		with, without := open(t, fixture(t, whole)), open(t, fixture(t, stripped))
		for _, name := range wantedFunctions {
			want, err := with.Function(name)
			require.NoError(t, err)
			got, err := without.Function(name)
			require.NoError(t, err)
			wantCode, err := with.Code(want)
			require.NoError(t, err)
			gotCode, err := without.Code(got)
			require.NoError(t, err)
			assert.Equal(t, opcodes(wantCode), opcodes(gotCode), name)
		}
	}
}

// opcodes is the start of code: what follows holds addresses, which differ
// between two links.
func opcodes(code []byte) []byte { return code[:10] }

func TestFunctionRefuses(t *testing.T) {
	for _, variant := range []string{"normal", "stripped"} {
		b := open(t, fixture(t, variant))
		for _, name := range []string{"", "runtime", "runtime.casgstatu", "runtime.casgstatus ", strings.Repeat("x", 1<<20)} {
			_, err := b.Function(name)
			require.ErrorIs(t, err, ErrNoFunction, name)
		}
		_, err := b.Function("runtime.sched") // a variable
		require.ErrorIs(t, err, ErrNoFunction)
	}
}

func TestSymbol(t *testing.T) {
	for _, variant := range []string{"normal", "pie"} {
		b := open(t, fixture(t, variant))
		size, err := b.TypeSize("runtime.schedt")
		require.NoError(t, err)
		symbol, err := b.Symbol("runtime.sched")
		require.NoError(t, err)
		assert.Equal(t, size, symbol.Size, "the variable has its type's size")
		_, err = b.Symbol("runtime.casgstatus") // a function
		require.ErrorIs(t, err, ErrNoSymbol)
	}
	_, err := open(t, fixture(t, "stripped")).Symbol("runtime.waitReasonStrings")
	require.ErrorIs(t, err, ErrNoSymbol)
}

func TestCallSites(t *testing.T) {
	for _, variant := range []string{"normal", "stripped", "pie", "pie-stripped", "arm64"} {
		t.Run(variant, func(t *testing.T) {
			b := open(t, fixture(t, variant))
			caller, err := b.Function("runtime.newproc1")
			require.NoError(t, err)
			callee, err := b.Function("runtime.casgstatus")
			require.NoError(t, err)
			calls, err := b.CallSites(caller, callee)
			require.NoError(t, err)
			assert.Len(t, calls, 2, "newproc1 sets the state of the new goroutine twice")
			for _, at := range calls {
				assert.Greater(t, at, caller.Offset)
				assert.Less(t, at, caller.Offset+caller.Size)
			}
			none, err := b.CallSites(callee, caller)
			require.NoError(t, err)
			assert.Empty(t, none)
		})
	}
}
