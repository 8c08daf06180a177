// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// scratchPrefix begins the name of a directory that a fetch downloads into.
const scratchPrefix = ".fetch-"

// Progress is told, in one line, what a fetch does.
type Progress func(line string)

// Fetch puts the library into the cache. It downloads nothing when the library is there, and when another process is fetching it,
// waits for that. The package comes by "npm pack", which runs no script of the
// package.
func Fetch(ctx context.Context, report Progress) error {
	err := find(report)
	var missing *chdblibrary.MissingError
	if !errors.As(err, &missing) {
		return err
	}
	dir := filepath.Dir(missing.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the cache: %w", err)
	}
	unlock, err := lock(ctx, dir, report)
	if err != nil {
		return err
	}
	defer unlock()
	if err := find(report); !errors.As(err, &missing) {
		return err // another process fetched it in the meantime
	}
	if err := install(ctx, missing.Path, report); err != nil {
		return err
	}
	report(fmt.Sprintf("libchdb %s is at %s", chdblibrary.Version, missing.Path))
	return nil
}

// find tells of the library that is there, else returns a *MissingError.
func find(report Progress) error {
	path, err := chdblibrary.Find("")
	if err == nil {
		report(fmt.Sprintf("libchdb %s is already at %s", chdblibrary.Version, path))
	}
	return err
}

// install downloads the library to path. Its caller holds the lock, so that
// what other fetches left beside path is of those that were killed.
func install(ctx context.Context, path string, report Progress) error {
	release, err := chdblibrary.Current()
	if err != nil {
		return err
	}
	if err := removeScratch(filepath.Dir(path)); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(filepath.Dir(path), scratchPrefix)
	if err != nil {
		return fmt.Errorf("making a directory to download into: %w", err)
	}
	defer os.RemoveAll(scratch)
	tarball, err := pack(ctx, release.Package, scratch, report)
	if err != nil {
		return err
	}
	return unpack(ctx, release, tarball, scratch, path, report)
}

// removeScratch removes the directories that killed fetches downloaded into,
// of up to 0.7 GiB each.
func removeScratch(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for what killed fetches left: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), scratchPrefix) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("removing what a killed fetch left: %w", err)
		}
	}
	return nil
}

// pack downloads a package's tarball into dir.
func pack(ctx context.Context, name, dir string, report Progress) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm, which downloads %s, is not in PATH: install Node.js (on Debian: apt-get install npm)", name)
	}
	report(fmt.Sprintf("downloading %s (170 MiB) with npm pack", name))
	command := exec.CommandContext(ctx, npm, "pack", name, "--pack-destination", dir, "--ignore-scripts", "--silent")
	command.Dir = dir
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	stop := reportGrowth(dir, "*.tgz", report)
	err = command.Run()
	stop()
	if err != nil {
		return "", fmt.Errorf("npm pack %s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("npm pack %s left %d tarballs, not one: %s", name, len(found), strings.TrimSpace(said.String()))
	}
	return found[0], nil
}

// reportGrowth says every few seconds how large the files of a pattern are,
// until it is stopped.
func reportGrowth(dir, pattern string, report Progress) (stop func()) {
	const every = 5 * time.Second
	done, ended := make(chan struct{}), make(chan struct{})
	started := time.Now()
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				report(fmt.Sprintf("  %3.0f s, %d MiB", time.Since(started).Seconds(), sizeOf(dir, pattern)>>20))
			}
		}
	}()
	return func() { close(done); <-ended }
}

func sizeOf(dir, pattern string) int64 {
	var sum int64
	paths, _ := filepath.Glob(filepath.Join(dir, pattern))
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
