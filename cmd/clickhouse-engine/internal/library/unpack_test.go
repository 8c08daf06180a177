// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package library

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// tarballOf packs files as npm does.
func tarballOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for name, content := range files {
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err := archive.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, zipped.Close())
	return packed.Bytes()
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// releaseOf is a release with a tarball of its own.
func releaseOf(t *testing.T, tarball []byte, library string) (chdblibrary.Release, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "package.tgz")
	require.NoError(t, os.WriteFile(path, tarball, 0o600))
	return chdblibrary.Release{Package: "p", TarballSHA256: sum(tarball), LibrarySHA256: sum([]byte(library)), LibrarySize: int64(len(library))}, path
}

func unpackTo(ctx context.Context, t *testing.T, release chdblibrary.Release, tarball string) (path string, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), chdblibrary.FileName)
	return path, unpack(ctx, release, tarball, t.TempDir(), path, func(string) {})
}

func TestUnpack(t *testing.T) {
	release, tarball := releaseOf(t, tarballOf(t, map[string]string{"package/index.js": "x", "package/libchdb.so": "library"}), "library")
	path, err := unpackTo(t.Context(), t, release, tarball)
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "library", string(got))
}

func TestUnpackRefuses(t *testing.T) {
	good := tarballOf(t, map[string]string{"package/libchdb.so": "library"})
	for name, c := range map[string]struct {
		tarball []byte
		change  func(*chdblibrary.Release)
		want    string
	}{
		"other tarball":   {good, func(r *chdblibrary.Release) { r.TarballSHA256 = sum(nil) }, "the tarball has SHA-256 "},
		"other library":   {tarballOf(t, map[string]string{"package/libchdb.so": "changed"}), nil, "the libchdb.so has SHA-256 "},
		"longer library":  {tarballOf(t, map[string]string{"package/libchdb.so": "library and more"}), nil, "the libchdb.so has SHA-256 "},
		"no library":      {tarballOf(t, map[string]string{"package/other.so": "library"}), nil, "it holds no libchdb.so"},
		"library outside": {tarballOf(t, map[string]string{"../libchdb.so": "library"}), nil, "it holds no libchdb.so"},
		"no archive":      {[]byte("<html>"), nil, "unpacking p"},
		"half an archive": {good[:len(good)/2], nil, "unpacking p"},
	} {
		t.Run(name, func(t *testing.T) {
			release, tarball := releaseOf(t, c.tarball, "library")
			if c.change != nil {
				c.change(&release)
			}
			path, err := unpackTo(t.Context(), t, release, tarball)
			require.ErrorContains(t, err, c.want)
			assert.NoFileExists(t, path)
		})
	}
}

func TestUnpackEndsWithItsContext(t *testing.T) {
	release, tarball := releaseOf(t, tarballOf(t, map[string]string{"package/libchdb.so": "library"}), "library")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path, err := unpackTo(ctx, t, release, tarball)
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, path)
}
