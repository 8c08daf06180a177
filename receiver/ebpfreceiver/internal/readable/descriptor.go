// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package readable

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Descriptor is one that the kernel tells to be readable, such as a BPF ring buffer
// or an epoll instance. Wait is for one goroutine at a time, the rest is safe for
// concurrent use.
//
// The time until which to wait is a timer of the kernel's beside the descriptor, not
// one of Go's: for each of Go's its scheduler wakes up twice, since it waits for whole
// milliseconds, and wakes its monitor and another thread (findRunnable and sysmon in
// runtime/proc.go, netpoll in runtime/netpoll_epoll.go, Go 1.26). That is most of what
// waiting costs a program that has nothing else to do.
type Descriptor struct {
	file        *os.File // an epoll instance that has the descriptor and the timer
	raw         syscall.RawConn
	interrupted atomic.Bool

	mu      sync.Mutex // guards timer and watched: after Close their numbers are others'
	timer   int
	watched int // a duplicate of the descriptor
	closed  bool
}

// ErrClosed is returned by Wait after Close.
var ErrClosed = os.ErrClosed

// New watches what a descriptor is open on. The caller still closes that descriptor.
func New(fd int, name string) (*Descriptor, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("creating an epoll instance for the %s: %w", name, err)
	}
	// Else Go does not poll it.
	if err := unix.SetNonblock(epoll, true); err != nil {
		return nil, errors.Join(fmt.Errorf("not blocking on the %s: %w", name, err), unix.Close(epoll))
	}
	d := &Descriptor{file: os.NewFile(uintptr(epoll), name), timer: -1, watched: -1}
	if err := d.watch(epoll, fd); err != nil {
		return nil, errors.Join(err, d.release())
	}
	return d, nil
}

// watch makes the timer, and has the epoll instance polled, and tell of both.
func (d *Descriptor) watch(epoll, fd int) (err error) {
	name := d.file.Name()
	if d.watched, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return fmt.Errorf("duplicating the descriptor of the %s: %w", name, err)
	}
	if d.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("creating a timer for the %s: %w", name, err)
	}
	for _, watched := range []int{d.watched, d.timer} {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(watched)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, watched, &event); err != nil {
			return fmt.Errorf("adding the %s and its timer to an epoll instance: %w", name, err)
		}
	}
	if d.raw, err = d.file.SyscallConn(); err == nil {
		err = d.file.SetReadDeadline(time.Time{}) // which only what is polled has
	}
	if err != nil {
		return fmt.Errorf("polling the %s: %w", name, err)
	}
	return nil
}

// Wait returns once ready does, the time has come, or Interrupt was called. It asks
// ready at first, and when the kernel has told that the descriptor is readable.
func (d *Descriptor) Wait(until time.Time, ready func() bool) error {
	err := d.file.SetReadDeadline(time.Time{}) // an interrupt's may be there
	if err == nil {
		err = d.arm(until)
	}
	if err == nil {
		err = d.raw.Read(func(uintptr) bool {
			return d.interrupted.Swap(false) || ready() || !time.Now().Before(until)
		})
	}
	switch {
	case err != nil && d.isClosed(): // the runtime's own error for it has no name
		return ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		d.interrupted.Store(false)
		return nil
	}
	return err
}

// arm has the timer expire when the time has come.
func (d *Descriptor) arm(until time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	left := max(time.Until(until), 1) // 0 would never expire
	if err := unix.TimerfdSettime(d.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}, nil); err != nil {
		return fmt.Errorf("setting the timer of the %s: %w", d.file.Name(), err)
	}
	return nil
}

// Interrupt ends a Wait, or the one to come.
func (d *Descriptor) Interrupt() {
	d.interrupted.Store(true)
	_ = d.file.SetReadDeadline(time.Unix(1, 0)) // one that is closed waits for nobody
}

// Close ends a Wait. It is called once.
func (d *Descriptor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return d.release()
}

func (d *Descriptor) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

func (d *Descriptor) release() error {
	err := d.file.Close()
	for _, fd := range []int{d.watched, d.timer} {
		if fd >= 0 {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	return err
}
