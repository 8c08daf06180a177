// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockName is the file in the library's directory that a fetch holds locked.
const lockName = ".lock"

// lock waits until no other process fetches into dir. The lock goes when the
// process does, however it ends.
func lock(ctx context.Context, dir string, report Progress) (unlock func(), err error) {
	const interval = 200 * time.Millisecond
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the cache: %w", err)
	}
	for told := false; ; told = true {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil // closing it unlocks it
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking the cache %s: %w", dir, err), file.Close())
		}
		if !told {
			report("another process is fetching libchdb; waiting for it")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for another fetch into %s: %w", dir, ctx.Err()), file.Close())
		case <-time.After(interval):
		}
	}
}
