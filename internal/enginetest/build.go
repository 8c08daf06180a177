// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

// Binary builds clickhouse-engine and returns its path. The build lies in
// Fathom's cache, one for each checkout, and is brought up to date by each
// caller; Go's build cache makes that quick. The library is fetched too, so
// that the binary can serve at once.
func Binary(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatalf("enginetest: %v", err)
	}
	dir, err := buildDir(root)
	if err != nil {
		t.Fatalf("enginetest: %v", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatalf("enginetest: %v", err)
	}
	defer unlock()
	binary := filepath.Join(dir, "clickhouse-engine")
	// go build replaces the file when it changed; a running engine keeps the
	// old one open.
	if err := command(root, "go", "build", "-o", binary, "./cmd/clickhouse-engine"); err != nil {
		t.Fatalf("enginetest: building clickhouse-engine: %v", err)
	}
	if err := command(root, binary, "fetch"); err != nil {
		t.Fatalf("enginetest: fetching the ClickHouse library, which the tests need: %v", err)
	}
	return binary
}

// buildDir makes the directory of a checkout's binary. It is not below
// os.TempDir: root runs these tests, and there another user could have made it
// first, with a binary in it.
func buildDir(checkout string) (string, error) {
	cache, err := chdblibrary.CacheRoot()
	if err != nil {
		return "", err
	}
	name := sha256.Sum256([]byte(checkout))
	dir := filepath.Join(cache, "enginetest", hex.EncodeToString(name[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the directory of the engine's binary: %w", err)
	}
	return dir, nil
}

func command(dir, name string, arguments ...string) error {
	command := exec.CommandContext(context.Background(), name, arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, said)
	}
	return nil
}

// moduleRoot is the directory of this repository, found from where this file was
// compiled or else from the working directory; that may be in a module of its own
// below it.
func moduleRoot() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	start := filepath.Dir(file)
	if !filepath.IsAbs(start) { // built with -trimpath
		var err error
		if start, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	for dir := start; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "clickhouse-engine")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no cmd/clickhouse-engine above " + start + ": the engine is built from the repository's sources")
}

// lock orders test processes that build at the same time.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the build lock: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the build lock: %w", err), file.Close())
	}
	return func() { _ = file.Close() }, nil // closing it unlocks it
}
