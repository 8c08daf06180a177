// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package chdblibrary

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Version is the version of libchdb that the engine is built for.
const Version = "26.7.3-stable.1"

// FileName is the library in its package and in the cache.
const FileName = "libchdb.so"

// CacheVariable names the environment variable that moves the cache.
const CacheVariable = "FATHOM_CACHE"

// LeastMemoryMiB is the least memory, in MiB, that an engine of this library may
// be given: with less, ClickHouse refuses ordinary queries.
const LeastMemoryMiB = 256

// Release is one published build of the library.
type Release struct {
	// Package is the npm package, with its version.
	Package string
	// TarballSHA256 and LibrarySHA256 are in hexadecimal.
	TarballSHA256, LibrarySHA256 string
	// LibrarySize is in bytes.
	LibrarySize int64
}

// Current is the release for the platform of this process.
func Current() (Release, error) {
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if platform != "linux/amd64" {
		return Release{}, fmt.Errorf("no build of libchdb %s is pinned for %s: linux/amd64 is the only one whose checksum could be verified", Version, platform)
	}
	return Release{
		Package:       "@chdb/lib-linux-x64-gnu@" + Version,
		TarballSHA256: "c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad",
		LibrarySHA256: "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5",
		LibrarySize:   566330096,
	}, nil
}

// CacheRoot is the directory of what Fathom caches: $FATHOM_CACHE when that is
// set, else fathom in the user's cache directory. It need not exist.
func CacheRoot() (string, error) {
	if root := os.Getenv(CacheVariable); root != "" {
		if !filepath.IsAbs(root) {
			return "", fmt.Errorf("%s is %q: set it to an absolute path, which is the same for every process", CacheVariable, root)
		}
		return root, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w; set %s to a directory", err, CacheVariable)
	}
	return filepath.Join(cache, "fathom"), nil
}

// DefaultPath is where the library lies in the cache:
// libchdb/<version>/libchdb.so below CacheRoot.
func DefaultPath() (string, error) {
	root, err := CacheRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "libchdb", Version, FileName), nil
}

// MissingError says that the library is not where it should be.
type MissingError struct{ Path string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("the ClickHouse library is not at %s; fetch it with: clickhouse-engine fetch", e.Path)
}

// Find returns the path of the library: the one that is given, or else the one
// in the cache. A library in the cache whose size is not the pinned one is
// taken as missing.
func Find(given string) (string, error) {
	if given != "" {
		if _, err := os.Stat(given); err != nil {
			return "", fmt.Errorf("the ClickHouse library that --library names: %w", err)
		}
		return given, nil
	}
	release, err := Current()
	if err != nil {
		return "", err
	}
	path, err := DefaultPath()
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || info.Size() != release.LibrarySize {
		return "", &MissingError{Path: path}
	}
	return path, nil
}
