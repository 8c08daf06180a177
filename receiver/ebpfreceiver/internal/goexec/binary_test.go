// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpenFacts(t *testing.T) {
	tests := []struct {
		variant              string
		machine              elf.Machine
		pie, stripped, dwarf bool
	}{
		{"normal", elf.EM_X86_64, false, false, true},
		{"stripped", elf.EM_X86_64, false, true, false},
		{"pie", elf.EM_X86_64, true, false, true},
		{"pie-stripped", elf.EM_X86_64, true, true, false},
		{"arm64", elf.EM_AARCH64, false, false, true},
	}
	for _, test := range tests {
		t.Run(test.variant, func(t *testing.T) {
			b := open(t, fixture(t, test.variant))
			assert.Equal(t, toolchain, b.GoVersion())
			assert.Equal(t, "v1.47.0", b.ModuleVersion("go.opentelemetry.io/otel/sdk"))
			assert.Empty(t, b.ModuleVersion("google.golang.org/grpc"))
			assert.Equal(t, test.machine, b.Machine())
			assert.Equal(t, test.pie, b.PIE())
			assert.Equal(t, test.stripped, b.Stripped())
			assert.Equal(t, test.dwarf, b.HasDWARF())
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	whole, err := os.ReadFile(fixture(t, "stripped"))
	require.NoError(t, err)
	patched := func(at int, value ...byte) []byte {
		data := append([]byte(nil), whole...)
		copy(data[at:], value)
		return data
	}
	tests := map[string]struct {
		content []byte
		want    error
	}{
		"empty":               {nil, ErrNotELF},
		"script":              {[]byte("#!/bin/sh\nexit 0\n"), ErrNotELF},
		"magic only":          {whole[:4], ErrTruncated},
		"half a header":       {whole[:40], ErrTruncated},
		"header only":         {whole[:64], ErrTruncated},
		"half the file":       {whole[:len(whole)/2], ErrTruncated},
		"32 bits":             {patched(elf.EI_CLASS, byte(elf.ELFCLASS32)), ErrUnsupported},
		"big-endian":          {patched(elf.EI_DATA, byte(elf.ELFDATA2MSB)), ErrUnsupported},
		"riscv":               {patched(18, byte(elf.EM_RISCV), 0), ErrUnsupported},
		"object file":         {patched(16, byte(elf.ET_REL), 0), ErrUnsupported},
		"65535 sections":      {patched(60, 0xff, 0xff), ErrUnsupported},
		"extended numbering":  {patched(60, 0, 0), ErrUnsupported},
		"65535 segments":      {patched(56, 0xff, 0xff), ErrUnsupported},
		"sections at the end": {patched(40, binary.LittleEndian.AppendUint64(nil, 1<<62)...), ErrTruncated},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "executable")
			require.NoError(t, os.WriteFile(path, test.content, 0o600))
			_, err := Open(path)
			require.ErrorIs(t, err, test.want)
			assert.Contains(t, err.Error(), path)
		})
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.TempDir())
	require.ErrorIs(t, err, ErrNotELF)
	_, err = Open("/bin/sh")
	require.ErrorIs(t, err, ErrNotGo)
}

// A file that is cut while it is open has nothing more to say, and says so.
func TestFileCutAfterOpen(t *testing.T) {
	for _, variant := range []string{"normal", "pie-stripped"} {
		content, err := os.ReadFile(fixture(t, variant))
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "executable")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		b := open(t, path)
		f, err := b.Function("runtime.casgstatus")
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, 8192))
		_, err = b.Code(f)
		require.ErrorIs(t, err, ErrTruncated)
		_, err = b.ProbePoint(f)
		require.ErrorIs(t, err, ErrTruncated)
		_, err = b.CallSites(f, f)
		require.ErrorIs(t, err, ErrTruncated)
		_, err = b.Function("runtime.newproc1")
		require.ErrorIs(t, err, ErrNoFunction)
	}
}

func TestFileOffset(t *testing.T) {
	for _, variant := range []string{"normal", "pie"} {
		b := open(t, fixture(t, variant))
		f, err := b.Function("runtime.casgstatus")
		require.NoError(t, err)
		offset, err := b.FileOffset(f.Addr + 3)
		require.NoError(t, err)
		assert.Equal(t, f.Offset+3, offset)
		for _, addr := range []uint64{0, 1 << 60, ^uint64(0)} {
			if b.image.segment(addr, 1) == nil {
				_, err = b.FileOffset(addr)
				require.ErrorIs(t, err, ErrTruncated)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	tests := map[string]goVersion{
		"go1.26.8":                               {1, 26, 8},
		"go1.21":                                 {1, 21, 0},
		"go1.21rc2":                              {1, 21, 0},
		"go1.26.8 X:nodwarf5":                    {1, 26, 8},
		"go1.22.5 (Red Hat 1.22.5-1.el9)":        {1, 22, 5},
		"go1.27-devel_0123456789 Mon Jan 1 2026": {1, 27, 0},
	}
	for text, want := range tests {
		got, err := parseVersion(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "go", "go1", "go1.", "1.26.8", "devel +abcdef", "go1.2.3.4", "go99999999999999999999.1"} {
		_, err := parseVersion(text)
		require.ErrorIs(t, err, ErrUnsupported, text)
	}
	assert.True(t, goVersion{1, 17, 13}.less(oldestVersion))
	assert.False(t, goVersion{1, 18, 0}.less(oldestVersion))
	assert.False(t, goVersion{2, 0, 0}.less(oldestVersion))
}
