// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// record is the path of the file in which a group's processes are remembered.
func record(dir string) string { return filepath.Join(dir, "processes.json") }

// Leftovers are the processes of an earlier group in dir that still run, in the
// order of their start.
func Leftovers(dir string) ([]Entry, error) {
	text, err := os.ReadFile(record(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading which processes an earlier run left: %w", err)
	}
	var entries, running []Entry
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("%s is damaged: end the processes of the earlier run by hand and remove the file: %w", record(dir), err)
	}
	for _, entry := range entries {
		alive, err := entry.alive()
		if err != nil {
			return nil, fmt.Errorf("looking at %s: %w", entry, err)
		}
		if alive {
			running = append(running, entry)
		}
	}
	return running, nil
}

// StopLeftovers stops them, the last started first, each with SIGTERM and after
// grace with SIGKILL, and forgets them.
func StopLeftovers(dir string, entries []Entry, grace time.Duration) error {
	var errs []error
	for _, entry := range slices.Backward(entries) {
		errs = append(errs, entry.stop(grace))
	}
	if err := os.Remove(record(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, fmt.Errorf("forgetting the earlier run: %w", err))
	}
	return errors.Join(errs...)
}

// remember writes the file anew, whole or not at all.
func remember(dir string, entries []Entry) error {
	text, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	draft := record(dir) + ".new"
	if err := os.WriteFile(draft, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(draft, record(dir))
}
