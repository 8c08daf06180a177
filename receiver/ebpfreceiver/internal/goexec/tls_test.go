// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTLSOffsetWithoutCgo(t *testing.T) {
	for _, variant := range []string{"normal", "stripped", "pie", "pie-stripped"} {
		t.Run(variant, func(t *testing.T) {
			b := open(t, fixture(t, variant))
			offset, err := b.TLSOffset()
			require.NoError(t, err)
			require.EqualValues(t, -8, offset)
			_, err = b.tlsOffsetInCode()
			if !b.PIE() { // it has no segment of thread-local storage
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errNoTLSRead)
			inSegment, err := b.tlsOffsetInSegment()
			require.NoError(t, err)
			require.Equal(t, offset, inSegment)
		})
	}
	_, err := open(t, fixture(t, "arm64")).TLSOffset()
	require.ErrorIs(t, err, ErrNoOffset)
}

// A C compiler's thread-local variables share the storage with the runtime's.
func TestTLSOffsetWithCgo(t *testing.T) {
	_, err := exec.LookPath("gcc")
	require.NoError(t, err, "a cgo program needs a C compiler, as make test does")
	normal := cgoProgram(t)
	inCode, err := normal.tlsOffsetInCode()
	require.NoError(t, err)
	inSegment, err := normal.tlsOffsetInSegment()
	require.NoError(t, err)
	require.Equal(t, inCode, inSegment, "two proofs agree")
	require.Less(t, inCode, int64(-8), "the program has thread-local variables of its own")

	stripped, err := cgoProgram(t, "-ldflags=-s -w").TLSOffset()
	require.NoError(t, err)
	require.Equal(t, inCode, stripped, "by the code alone")

	pie := cgoProgram(t, "-buildmode=pie")
	_, err = pie.tlsOffsetInCode()
	require.ErrorIs(t, err, errNoTLSRead)
	bySymbol, err := pie.TLSOffset()
	require.NoError(t, err)
	require.Negative(t, bySymbol)

	_, err = cgoProgram(t, "-buildmode=pie", "-ldflags=-s -w").TLSOffset()
	require.ErrorIs(t, err, ErrNoOffset, "nothing proves it")
}

func cgoProgram(t *testing.T, arguments ...string) *Binary {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cgo")
	command := exec.Command("go", append(append([]string{"build"}, arguments...), "-o", out, "./testdata/cgo")...)
	command.Env = append(os.Environ(), "CGO_ENABLED=1", "GOTOOLCHAIN="+toolchain)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return open(t, out)
}

func TestFirstTLSRead(t *testing.T) {
	for name, test := range map[string]struct {
		code []byte
		want int64
		ok   bool
	}{
		"mov rdi, fs:-8":                  {[]byte{0x64, 0x48, 0x8b, 0x3c, 0x25, 0xf8, 0xff, 0xff, 0xff}, -8, true},
		"after another instruction":       {[]byte{0x55, 0x64, 0x4c, 0x8b, 0x34, 0x25, 0xf0, 0xff, 0xff, 0xff}, -16, true},
		"behind a register":               {[]byte{0x64, 0x48, 0x8b, 0x09}, 0, false},
		"above the thread pointer":        {[]byte{0x64, 0x48, 0x8b, 0x3c, 0x25, 0x08, 0, 0, 0}, 0, false},
		"of another segment":              {[]byte{0x65, 0x48, 0x8b, 0x3c, 0x25, 0xf8, 0xff, 0xff, 0xff}, 0, false},
		"what comes first cannot be read": {[]byte{0x06, 0x64, 0x48, 0x8b, 0x3c, 0x25, 0xf8, 0xff, 0xff, 0xff}, 0, false},
		"no code":                         {nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := firstTLSRead(test.code)
			require.Equal(t, test.ok, err == nil, err)
			require.Equal(t, test.want, got)
		})
	}
}
