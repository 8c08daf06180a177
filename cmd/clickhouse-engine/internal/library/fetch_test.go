// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package library

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// emptyCache is a cache without the library, on a machine without npm: whoever
// tries to download fails. It returns where the library belongs.
func emptyCache(t *testing.T) (path string) {
	t.Helper()
	t.Setenv(chdblibrary.CacheVariable, t.TempDir())
	t.Setenv("PATH", "")
	path, err := chdblibrary.DefaultPath()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	return path
}

// putLibrary puts a file of the library's size, and without content, at path.
func putLibrary(t *testing.T, path string) {
	t.Helper()
	release, err := chdblibrary.Current()
	require.NoError(t, err)
	part := path + ".part"
	require.NoError(t, os.WriteFile(part, nil, 0o600))
	require.NoError(t, os.Truncate(part, release.LibrarySize)) // sparse
	require.NoError(t, os.Rename(part, path))
}

func TestFetchFindsWhatIsThere(t *testing.T) {
	path := emptyCache(t)
	putLibrary(t, path)
	var said []string
	require.NoError(t, Fetch(t.Context(), func(line string) { said = append(said, line) }))
	assert.Equal(t, []string{"libchdb " + chdblibrary.Version + " is already at " + path}, said)
}

// TestFetchWaitsForAnother has a second fetch wait for the first and use what
// that brings: downloading would fail here.
func TestFetchWaitsForAnother(t *testing.T) {
	path := emptyCache(t)
	unlock, err := lock(t.Context(), filepath.Dir(path), func(string) {})
	require.NoError(t, err)

	waits := make(chan struct{})
	fetched := make(chan error, 1)
	var said []string // until the fetch ends, its own
	go func() {
		fetched <- Fetch(t.Context(), func(line string) {
			said = append(said, line)
			if line == "another process is fetching libchdb; waiting for it" {
				close(waits)
			}
		})
	}()
	select {
	case <-waits:
	case err := <-fetched:
		t.Fatalf("the second fetch did not wait: %v", err)
	}
	putLibrary(t, path)
	unlock()
	require.NoError(t, <-fetched)
	assert.Contains(t, said, "libchdb "+chdblibrary.Version+" is already at "+path)
}

func TestFetchStopsWaiting(t *testing.T) {
	path := emptyCache(t)
	unlock, err := lock(t.Context(), filepath.Dir(path), func(string) {})
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err = Fetch(ctx, func(string) {})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestFetchRemovesWhatKilledOnesLeft leaves a download behind, as a fetch does
// that is killed.
func TestFetchRemovesWhatKilledOnesLeft(t *testing.T) {
	path := emptyCache(t)
	left := filepath.Join(filepath.Dir(path), ".fetch-1234567")
	require.NoError(t, os.MkdirAll(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, "lib.tgz"), []byte("half"), 0o600))
	err := Fetch(t.Context(), func(string) {})
	require.ErrorContains(t, err, "apt-get install npm")
	scratch, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".fetch-*"))
	require.NoError(t, err)
	assert.Empty(t, scratch)
}
