// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/readable"
)

// ends waits for the end of processes by their pidfds. It is used by one
// goroutine only.
type ends struct {
	epoll     int
	ready     *readable.Descriptor // of epoll
	forget    func() bool
	byFD      map[int32]*Process
	byProcess map[*Process]int32
}

func newEnds(ctx context.Context) (*ends, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	ready, err := readable.New(epoll, "epoll instance")
	if err != nil {
		return nil, errors.Join(err, unix.Close(epoll))
	}
	return &ends{
		epoll:     epoll,
		ready:     ready,
		forget:    context.AfterFunc(ctx, ready.Interrupt),
		byFD:      map[int32]*Process{},
		byProcess: map[*Process]int32{},
	}, nil
}

func watchFD(epoll, fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("add a descriptor to epoll: %w", err)
	}
	return nil
}

// add begins to wait for the end of p.
func (e *ends) add(p *Process) error {
	pidfd, err := unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil // the next scan misses it
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", p.PID, err)
	}
	if err := watchFD(e.epoll, pidfd); err != nil {
		return errors.Join(err, unix.Close(pidfd))
	}
	e.byFD[int32(pidfd)], e.byProcess[p] = p, int32(pidfd)
	return nil
}

// remove stops waiting for the end of p.
func (e *ends) remove(p *Process) {
	if pidfd, ok := e.byProcess[p]; ok {
		delete(e.byFD, pidfd)
		delete(e.byProcess, p)
		_ = unix.Close(int(pidfd)) // also takes it out of the epoll instance
	}
}

// wait returns processes that ended, or none when the time has come or the context
// is done.
func (e *ends) wait(until time.Time) ([]*Process, error) {
	var events [64]unix.EpollEvent
	var n int
	var err error
	waited := e.ready.Wait(until, func() bool {
		n, err = unix.EpollWait(e.epoll, events[:], 0)
		return n > 0 || err != nil
	})
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err := errors.Join(waited, err); err != nil {
		return nil, fmt.Errorf("wait for the end of processes: %w", err)
	}
	var ended []*Process
	for _, event := range events[:max(n, 0)] {
		if p := e.byFD[event.Fd]; p != nil {
			ended = append(ended, p)
		}
	}
	return ended, nil
}

// close releases all descriptors.
func (e *ends) close() error {
	e.forget()
	for p := range e.byProcess {
		e.remove(p)
	}
	return errors.Join(e.ready.Close(), unix.Close(e.epoll))
}
