// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockName is the file in the storage path that a running engine holds locked;
// it has the engine's PID in it.
const lockName = "clickhouse-engine.lock"

// lockPath makes the storage path and locks it for this process. The lock goes
// when the process does, however it ends.
func lockPath(path string) (*os.File, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("making the storage path: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the storage path: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(file, 32))
		return nil, errors.Join(
			fmt.Errorf("the storage path %s is in use by another clickhouse-engine (PID %s): stop it, or choose another --path", path, strings.TrimSpace(string(holder))),
			file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("locking the storage path %s: %w", path, err), file.Close())
	}
	if err := file.Truncate(0); err == nil {
		_, err = fmt.Fprintln(file, os.Getpid())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("writing the PID into the lock: %w", err), file.Close())
		}
	}
	return file, nil
}
