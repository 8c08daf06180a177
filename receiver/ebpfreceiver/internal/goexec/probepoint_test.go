// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/arch/arm64/arm64asm"
)

func machineCode(t testing.TB, text string) []byte {
	t.Helper()
	code, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return code
}

func TestProbePointAMD64(t *testing.T) {
	tests := map[string]struct {
		code string
		want int // -1: none
	}{
		"nosplit: push; mov":                   {"55 4889e5 c3", 0},
		"small frame: cmp rsp,[r14+16]; jbe":   {"493b6610 7605 55 4889e5 c3 90 e800000000 ebef", 6},
		"jbe with 32 bits":                     {"493b6610 0f8600010000 55 4889e5 c3", 10},
		"frame: lea r12,[rsp-8]; cmp; jbe":     {"4c8d6424f8 4d3b6610 7601 55 c3", 11},
		"large frame: mov; sub; jb; cmp; jbe":  {"4989e4 4981ec00000100 7210 4d3b6610 760a 55 c3", 18},
		"Go 1.20: sub rsp after the jbe":       {"493b6610 7605 4883ec18 48896c2410 c3", 4},
		"Go 1.20 nosplit: own branch":          {"4883ec10 48896c2408 488d6c2408 39cb 7401 90 c3", 16},
		"Go 1.20 nosplit: bt; nop; jb":         {"4883ec40 48896c2438 488d6c2438 4889442448 0fbae30c 90 720a c3 " + strings.Repeat("90", 16), 24},
		"leaf: test rax; je":                   {"4885c0 7401 c3 c3", 3},
		"jmp to another function":              {"e900010000", 0},
		"call at once":                         {"e800010000 c3", 0},
		"argument changed first":               {"4889d8 7401 c3", -1},
		"argument loaded first":                {"488b00 55 c3", -1},
		"push of another register":             {"53 c3", -1},
		"push after the function's own branch": {"4885c0 7402 55 c3", 3},
		"loop back to the branch":              {"4885c0 7404 48ffc8 ebf9 c3", -1},
		"loop back to the entry":               {"4885c0 7404 ffc9 ebf8 c3", -1},
		"16-bit branch, which is not emulated": {"664885c0 66e90000 c3", -1},
		"never ends":                           {strings.Repeat("4885c0", 30), -1},
		"cut inside an instruction":            {"49 3b", -1},
		"empty":                                {"", -1},
		"undecodable after the branch":         {"4885c0 7401 c3 06", -1},
		"vector instruction after the branch":  {"4885c0 7401 c3 c5fe6f06 c3", 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			at, ok := probePointAMD64(machineCode(t, test.code))
			assert.Equal(t, test.want >= 0, ok, "found at %d", at)
			if ok {
				assert.Equal(t, test.want, at)
			}
		})
	}
}

// Every function of a program has a push, an emulated branch, or no probe point.
func TestProbePointsOfProgram(t *testing.T) {
	b := open(t, fixture(t, "normal"))
	pushes, branches, none := 0, 0, 0
	eachFunction(t, b, func(f Function, code []byte) {
		at, err := b.ProbePoint(f)
		if err != nil {
			require.ErrorIs(t, err, ErrNoProbePoint)
			none++
			return
		}
		require.GreaterOrEqual(t, at, f.Offset)
		require.Less(t, at, f.Offset+min(f.Size, maxPrologue))
		switch here := code[at-f.Offset:]; {
		case here[0] == 0x55:
			pushes++
		case emulatedBranch(here):
			branches++
		default:
			t.Errorf("%s+%#x: % x", f.Name, at-f.Offset, here[:4])
		}
	})
	t.Logf("%d functions at push, %d at a branch, %d refused", pushes, branches, none)
	assert.Greater(t, pushes, 4*(branches+none))
}

// What the receiver probes has a probe point, the same in a stripped binary.
func TestProbePointsOfWantedFunctions(t *testing.T) {
	for _, variant := range []string{"normal", "stripped", "pie", "pie-stripped"} {
		b := open(t, fixture(t, variant))
		for _, name := range wantedFunctions {
			f, err := b.Function(name)
			require.NoError(t, err)
			at, err := b.ProbePoint(f)
			require.NoError(t, err)
			code, err := b.Code(f)
			require.NoError(t, err)
			assert.Equal(t, byte(0x55), code[at-f.Offset], "%s in %s", name, variant)
		}
	}
	b := open(t, fixture(t, "arm64"))
	for _, name := range wantedFunctions {
		f, err := b.Function(name)
		require.NoError(t, err)
		at, err := b.ProbePoint(f)
		require.NoError(t, err, name)
		code, err := b.Code(f)
		require.NoError(t, err)
		inst, err := arm64asm.Decode(code[at-f.Offset:])
		require.NoError(t, err)
		assert.True(t, simulatedARM64(inst), "%s: %v", name, inst)
	}
}

func TestProbePointARM64(t *testing.T) {
	const (
		loadGuard = 0xf9400b90 // ldr x16, [x28, #16]
		compare   = 0xeb3063ff // cmp sp, x16
		branchLS  = 0x54000109 // b.ls +32
		saveLink  = 0xf81e0ffe // str x30, [sp, #-32]!
		loadX0    = 0xf9400000 // ldr x0, [x0]
		zeroX0    = 0xb4000040 // cbz x0, +8
		back      = 0x17ffffff // b -4
	)
	tests := map[string]struct {
		code []uint32
		want int
	}{
		"stack check":            {[]uint32{loadGuard, compare, branchLS, saveLink}, 8},
		"own branch":             {[]uint32{zeroX0, loadX0}, 0},
		"argument changed first": {[]uint32{loadX0, zeroX0}, -1},
		"loop":                   {[]uint32{saveLink, zeroX0, back}, -1},
		"no branch":              {[]uint32{saveLink, saveLink}, -1},
		"not an instruction":     {[]uint32{0}, -1},
		"empty":                  {nil, -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var code []byte
			for _, word := range test.code {
				code = binary.LittleEndian.AppendUint32(code, word)
			}
			at, ok := probePointARM64(code)
			assert.Equal(t, test.want >= 0, ok, "found at %d", at)
			if ok {
				assert.Equal(t, test.want, at)
			}
		})
	}
}

// Lengths are right when each function's instructions end where the function
// does. x86asm does not know adcx and adox, which the big-number assembly has.
func TestDecodeReachesTheEndOfEveryFunction(t *testing.T) {
	b := open(t, fixture(t, "normal"))
	functions, vectors, unknown := 0, 0, 0
	eachFunction(t, b, func(f Function, code []byte) {
		at := 0
		for at < len(code) {
			_, length, ok := decodeX86(code[at:])
			if !ok {
				require.Equal(t, []byte{0x0f, 0x38, 0xf6}, code[at+1:at+4], "%s+%#x: not adcx or adox", f.Name, at)
				unknown++
				return
			}
			if _, vector := vectorLength(code[at:]); vector {
				vectors++
			}
			at += length
		}
		require.Equal(t, len(code), at, f.Name)
		functions++
	})
	t.Logf("%d functions, %d vector instructions, %d functions with adcx", functions, vectors, unknown)
	assert.Less(t, unknown, 10)
	assert.Greater(t, vectors, 100)
}

// eachFunction calls each for every function of Go's symbol table.
func eachFunction(t testing.TB, b *Binary, each func(f Function, code []byte)) {
	t.Helper()
	symbols, err := b.image.file.Symbols()
	require.NoError(t, err)
	for _, symbol := range symbols {
		if elf.ST_TYPE(symbol.Info) != elf.STT_FUNC || symbol.Section == elf.SHN_UNDEF || symbol.Size == 0 {
			continue
		}
		f, err := b.function(symbol.Name, symbol.Value, symbol.Size)
		require.NoError(t, err)
		code, err := b.Code(f)
		require.NoError(t, err)
		each(f, code)
	}
}
