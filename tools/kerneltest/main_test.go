// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewestFirst(t *testing.T) {
	names := strings.Join([]string{
		"linux-image-6.1.0-9-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64-unsigned",
		"linux-image-6.1.0-56-cloud-amd64-dbg", "linux-image-6.1.0-57-amd64", "linux-image-6.1.0-54-cloud-amd64", "linux-image-6.1-cloud-amd64",
	}, "\n")
	require.Equal(t, []string{
		"linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-54-cloud-amd64", "linux-image-6.1.0-9-cloud-amd64",
	}, newest(names))
}

func TestCachedKernels(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"6.1.0-9-cloud-amd64", "6.1.0-56-cloud-amd64", "6.12.95+deb12-cloud-amd64", "partial6.1"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	k, ok := cached(folder, "6.1")
	require.True(t, ok)
	require.Equal(t, kernel{series: "6.1", name: "6.1.0-56-cloud-amd64", image: filepath.Join(folder, "6.1.0-56-cloud-amd64")}, k)
	_, ok = cached(folder, "5.10")
	require.False(t, ok)
}

func TestAllThatAreChosenMustPass(t *testing.T) {
	require.Equal(t, 6, fewest(chosen))
	require.Equal(t, 1, fewest("."))
}

func TestConsole(t *testing.T) {
	passed, failed := count("=== RUN   TestA\n--- PASS: TestA (0.1s)\n    --- PASS: TestA/b (0.1s)\n--- FAIL: TestB (1s)\n--- PASS: TestC (0s)\n")
	require.Equal(t, 2, passed)
	require.Equal(t, 1, failed)
}

// GNU cpio unpacks the golden file.
func TestArchive(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "five"), []byte("five\n"), 0o600))
	var packed bytes.Buffer
	a := newArchive(&packed)
	a.addFile("deep/er/file", filepath.Join(folder, "five"))
	a.add("init", []byte("x"))
	require.NoError(t, a.close())
	require.Zero(t, packed.Len()%4)
	golden, err := os.ReadFile("testdata/archive.cpio")
	require.NoError(t, err)
	require.Equal(t, string(golden), packed.String())

	a = newArchive(&packed)
	a.addFile("missing", filepath.Join(folder, "missing"))
	require.ErrorIs(t, a.close(), os.ErrNotExist)
}
