// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package library

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// unpack verifies a tarball, takes the library out of it, verifies that, and
// moves it to path in one step: whoever looks there sees all of it or nothing.
func unpack(ctx context.Context, release chdblibrary.Release, tarball, scratch, path string, report Progress) error {
	report("verifying and unpacking (540 MiB)")
	file, err := os.Open(tarball)
	if err != nil {
		return fmt.Errorf("opening the tarball: %w", err)
	}
	defer file.Close()
	if err := verify("tarball", file, release.TarballSHA256); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading the tarball again: %w", err)
	}
	partial := filepath.Join(scratch, chdblibrary.FileName)
	if err := extract(ctx, file, release, partial); err != nil {
		return fmt.Errorf("unpacking %s: %w", release.Package, err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("moving the library into the cache: %w", err)
	}
	return nil
}

// extract writes the library of a tarball to path.
func extract(ctx context.Context, tarball io.Reader, release chdblibrary.Release, path string) error {
	unzipped, err := gzip.NewReader(tarball)
	if err != nil {
		return err
	}
	defer unzipped.Close()
	archive := tar.NewReader(unzipped)
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("it holds no %s", chdblibrary.FileName)
		}
		if err != nil {
			return err
		}
		if entry.Name == "package/"+chdblibrary.FileName {
			return writeVerified(ctx, archive, release, path)
		}
	}
}

func writeVerified(ctx context.Context, from io.Reader, release chdblibrary.Release, path string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	bounded := io.LimitReader(contextReader{ctx, from}, release.LibrarySize+1)
	if err := verify(chdblibrary.FileName, io.TeeReader(bounded, file), release.LibrarySHA256); err != nil {
		return err
	}
	return file.Sync()
}

// verify reads a stream to its end and compares its SHA-256.
func verify(what string, stream io.Reader, want string) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, stream); err != nil {
		return fmt.Errorf("reading the %s: %w", what, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("the %s has SHA-256 %s, not the pinned %s: it was altered on the way, or published anew; nothing was installed", what, got, want)
	}
	return nil
}

// contextReader ends a read when its context ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
