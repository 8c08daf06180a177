// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package footprint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
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

// Release gives back what the heap does not use and unmaps the pages of the program's
// own file that are mapped for reading: they stay in the kernel's cache, and are mapped
// again when they are touched.
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
	for _, m := range ownFile(string(maps), reflect.ValueOf(Release).Pointer()) {
		if err := unmap(pagemap, m.begin, m.end); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, pagemap.Close())...)
}

// mapping is what a line of /proc/PID/maps tells of a file that is mapped privately and
// not for writing.
type mapping struct {
	begin, end uintptr
	device     string
	inode      uint64
}

// ownFile returns the mappings of the file that the code at an address comes from:
// others may be mapped by who counts on their pages.
func ownFile(maps string, code uintptr) []mapping {
	var all []mapping
	var own mapping
	for line := range strings.Lines(maps) {
		m, ok := parse(line)
		if !ok {
			continue
		}
		all = append(all, m)
		if m.begin <= code && code < m.end {
			own = m
		}
	}
	return slices.DeleteFunc(all, func(m mapping) bool { return m.device != own.device || m.inode != own.inode })
}

// parse returns false for all else.
func parse(line string) (mapping, bool) {
	var m mapping
	var permissions string
	var offset uint64
	n, err := fmt.Sscanf(line, "%x-%x %s %x %s %d", &m.begin, &m.end, &permissions, &offset, &m.device, &m.inode)
	if n != 6 || err != nil || len(permissions) != 4 {
		return mapping{}, false
	}
	return m, m.inode != 0 && permissions[1] == '-' && permissions[3] == 'p'
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
