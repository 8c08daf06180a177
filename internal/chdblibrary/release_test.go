// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdblibrary

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFind(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(CacheVariable, cache)
	want := filepath.Join(cache, "libchdb", Version, FileName)

	_, err := Find("")
	var missing *MissingError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, want, missing.Path)
	require.ErrorContains(t, err, "fetch it with: clickhouse-engine fetch")

	// A library that was cut off does not count.
	require.NoError(t, os.MkdirAll(filepath.Dir(want), 0o700))
	require.NoError(t, os.WriteFile(want, []byte("part"), 0o600))
	_, err = Find("")
	require.ErrorAs(t, err, &missing)

	release, err := Current()
	require.NoError(t, err)
	require.NoError(t, os.Truncate(want, release.LibrarySize)) // sparse
	found, err := Find("")
	require.NoError(t, err)
	assert.Equal(t, want, found)

	own := filepath.Join(cache, "own.so")
	_, err = Find(own)
	require.ErrorContains(t, err, "--library")
	require.NoError(t, os.WriteFile(own, nil, 0o600))
	found, err = Find(own)
	require.NoError(t, err)
	assert.Equal(t, own, found)
}

func TestCacheRoot(t *testing.T) {
	t.Setenv(CacheVariable, "")
	t.Setenv("XDG_CACHE_HOME", "/home/someone/.cache")
	root, err := CacheRoot()
	require.NoError(t, err)
	assert.Equal(t, "/home/someone/.cache/fathom", root)

	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err = CacheRoot()
	require.ErrorContains(t, err, "set FATHOM_CACHE to a directory")

	t.Setenv(CacheVariable, "cache")
	_, err = CacheRoot()
	require.ErrorContains(t, err, `FATHOM_CACHE is "cache": set it to an absolute path`)
}
