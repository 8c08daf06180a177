// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package readable

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Descriptor is one that the kernel tells to be readable, such as a BPF ring buffer
// or an epoll instance. Wait is for one goroutine at a time, the rest is safe for
// concurrent use.
type Descriptor struct {
	file        *os.File
	raw         syscall.RawConn
	interrupted atomic.Bool
	closed      atomic.Bool
}

// ErrClosed is returned by Wait after Close.
var ErrClosed = os.ErrClosed

// New watches what a descriptor is open on. The caller still closes that descriptor.
// What it is open on does not block from now on.
func New(fd int, name string) (*Descriptor, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicating the descriptor of the %s: %w", name, err)
	}
	if err := unix.SetNonblock(own, true); err != nil {
		return nil, errors.Join(fmt.Errorf("not blocking on the %s: %w", name, err), unix.Close(own))
	}
	file := os.NewFile(uintptr(own), name)
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // which only what is polled has
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("polling the %s: %w", name, err), file.Close())
	}
	return &Descriptor{file: file, raw: raw}, nil
}

// Wait returns once ready does, the time has come, or Interrupt was called. It asks
// ready at first, and when the kernel has told that the descriptor is readable.
func (d *Descriptor) Wait(until time.Time, ready func() bool) error {
	err := d.file.SetReadDeadline(until)
	if err == nil {
		err = d.raw.Read(func(uintptr) bool { return d.interrupted.Swap(false) || ready() })
	}
	switch {
	case err != nil && d.closed.Load(): // the runtime's own error for it has no name
		return ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.interrupted.Store(false)
		return nil
	}
	return err
}

// Interrupt ends a Wait, or the one to come.
func (d *Descriptor) Interrupt() {
	d.interrupted.Store(true)
	_ = d.file.SetReadDeadline(time.Unix(1, 0)) // one that is closed waits for nobody
}

// Close ends a Wait.
func (d *Descriptor) Close() error {
	d.closed.Store(true)
	return d.file.Close()
}
