// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package footprint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settling is how long what comes with one reason to give memory back may take.
const settling = time.Second

// Keeper gives memory back whenever there is a reason to. Reason is safe for
// concurrent use.
type Keeper struct{ reasons chan struct{} }

// NewKeeper has one reason: the start.
func NewKeeper() *Keeper {
	k := &Keeper{reasons: make(chan struct{}, 1)}
	k.Reason()
	return k
}

// Reason says that much was needed for the last time. It does not wait.
func (k *Keeper) Reason() {
	select {
	case k.reasons <- struct{}{}:
	default: // it will be looked at
	}
}

// Run gives back after each reason, at most once a second, until ctx is done. It
// tells failed what could not be given back.
func (k *Keeper) Run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.reasons:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settling):
		}
		if err := Release(); err != nil {
			failed(err)
		}
	}
}

// Release gives back what the heap does not use and unmaps the pages of files that
// the process has mapped privately for reading, as its own code: they stay in the
// kernel's cache, and are mapped again when they are touched.
func Release() error {
	debug.FreeOSMemory()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("reading what is mapped: %w", err)
	}
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return fmt.Errorf("opening the state of the pages: %w", err)
	}
	var errs []error
	for line := range strings.Lines(string(maps)) {
		begin, end, ok := parse(line)
		if !ok {
			continue
		}
		if err := unmap(pagemap, begin, end); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, pagemap.Close())...)
}

// parse returns where a line of /proc/PID/maps says that a file is mapped privately
// and not for writing; false of all else.
func parse(line string) (begin, end uintptr, ok bool) {
	var permissions, device string
	var offset, inode uint64
	n, err := fmt.Sscanf(line, "%x-%x %s %x %s %d", &begin, &end, &permissions, &offset, &device, &inode)
	if n != 6 || err != nil || len(permissions) != 4 {
		return 0, 0, false
	}
	return begin, end, inode != 0 && permissions[1] == '-' && permissions[3] == 'p'
}

// unmap unmaps the file's own pages between two addresses.
func unmap(pagemap *os.File, begin, end uintptr) error {
	size := uintptr(os.Getpagesize())
	entries := make([]byte, (end-begin)/size*entrySize)
	if _, err := pagemap.ReadAt(entries, int64(begin/size*entrySize)); err != nil {
		return fmt.Errorf("reading the state of the pages at %#x: %w", begin, err)
	}
	for first, last := range runs(entries) {
		from, length := begin+uintptr(first)*size, uintptr(last-first)*size
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, length, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("unmapping %d pages at %#x: %w", last-first, from, errno)
		}
	}
	return nil
}
