// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	// walRecord is large, so that a busy machine does not turn the time with the
	// disk into time spent waking up after it.
	walRecord  = 1 << 20
	walRecords = 8
)

// wal is a ring of records in one file, so that it stays small. Records are
// written at offsets that no other call uses at the time: no lock is needed.
type wal struct {
	file *os.File
	next atomic.Uint64
}

func openWAL(path string) (*wal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the WAL's directory: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the WAL: %w", err)
	}
	return &wal{file: file}, nil
}

// run writes a record and waits until the disk has it, again and again for d.
func (w *wal) run(_ context.Context, d time.Duration) error {
	record := make([]byte, walRecord)
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		slot := w.next.Add(1) % walRecords
		record[0]++
		if _, err := w.file.WriteAt(record, int64(slot)*walRecord); err != nil {
			return fmt.Errorf("writing the WAL: %w", err)
		}
		if err := w.file.Sync(); err != nil {
			return fmt.Errorf("syncing the WAL: %w", err)
		}
	}
	return nil
}

func (w *wal) close() error {
	return errors.Join(w.file.Close(), os.Remove(w.file.Name()))
}
