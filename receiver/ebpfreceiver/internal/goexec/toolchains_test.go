// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const standardProgram = `package main

import "net/http"

func main() { _ = http.ListenAndServe("", nil) }
`

// otherReleases are the last ones of each line of Go whose runtime metrics are
// read, as far as the module proxy serves them, but for the one that builds the
// fixtures.
func otherReleases() []string {
	return []string{"go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.14", "go1.27.4"}
}

// Programs of older toolchains, which the go command downloads: what holds for
// the current one must hold for them.
func TestOlderToolchains(t *testing.T) {
	for _, toolchain := range []string{"go1.22.12", "go1.24.13"} {
		t.Run(toolchain, func(t *testing.T) {
			dir := t.TempDir()
			whole := open(t, buildStandard(t, dir, toolchain, "whole"))
			stripped := open(t, buildStandard(t, dir, toolchain, "stripped", "-ldflags=-s -w"))
			require.Equal(t, toolchain, whole.GoVersion())
			require.Equal(t, toolchain, stripped.GoVersion())
			sameFunctions(t, whole, stripped)
			sameOffsets(t, whole, stripped)
			sameLines(t, whole, stripped)
			sameHTTP2(t, whole)
			want, err := whole.WaitReasons()
			require.NoError(t, err)
			got, err := stripped.WaitReasons()
			require.NoError(t, err)
			assert.Equal(t, want, got)
			for _, binary := range []*Binary{whole, stripped} {
				offset, err := binary.tlsOffsetInCode()
				require.NoError(t, err)
				assert.EqualValues(t, -8, offset)
			}
		})
	}
}

func buildStandard(t *testing.T, dir, toolchain, name string, arguments ...string) string {
	t.Helper()
	return buildProgram(t, dir, toolchain, name, standardProgram, arguments...)
}

func buildProgram(t *testing.T, dir, toolchain, name, source string, arguments ...string) string {
	t.Helper()
	for file, content := range map[string]string{"main.go": source, "go.mod": "module program\n\ngo 1.21\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
	}
	out := filepath.Join(dir, name)
	command := exec.Command("go", append(append([]string{"build"}, arguments...), "-o", out, "main.go")...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "build with %s, which the go command downloads from GOPROXY: %s", toolchain, output)
	return out
}

// sameFunctions compares addresses from the symbol table of one link with those
// from the function table of the other, and asks for probe points at pushes.
func sameFunctions(t *testing.T, whole, stripped *Binary) {
	t.Helper()
	for _, name := range wantedFunctions {
		bySymbol, err := whole.functionBySymbol(name)
		if err != nil {
			assert.Contains(t, name, "opentelemetry", "only the SDK is not linked")
			continue
		}
		byTable, err := stripped.Function(name)
		require.NoError(t, err)
		assert.Equal(t, bySymbol.Addr, byTable.Addr, name)
		code, err := stripped.Code(byTable)
		require.NoError(t, err)
		at, err := stripped.ProbePoint(byTable)
		require.NoError(t, err, name)
		assert.Equal(t, byte(0x55), code[at-byTable.Offset], name)
	}
}

// sameOffsets compares debug information with the table: equal, fields that
// this version lacks included.
func sameOffsets(t *testing.T, whole, stripped *Binary) {
	t.Helper()
	found := 0
	for _, field := range append(append([]Field(nil), runtimeFields...), httpFields...) {
		want, wantErr := resolve(whole.dwarfTypes(), field)
		got, err := stripped.fieldOffset(field)
		require.Equal(t, wantErr == nil, err == nil, "%v: %v; %v", field, wantErr, err)
		if err == nil {
			assert.Equal(t, Offset{Bytes: want, Source: SourceTable}, got, field)
			found++
		}
	}
	assert.Greater(t, found, 30)
}
