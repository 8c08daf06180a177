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
)

// ends waits for the end of processes by their pidfds. It is used by one
// goroutine only.
type ends struct {
	epoll     int
	cancelled int // an eventfd, readable once the context is done
	released  chan struct{}
	forget    func() bool
	byFD      map[int32]*Process
	byProcess map[*Process]int32
}

func newEnds(ctx context.Context) (*ends, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	cancelled, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create an eventfd: %w", err), unix.Close(epoll))
	}
	if err := watchFD(epoll, cancelled); err != nil {
		return nil, errors.Join(err, unix.Close(cancelled), unix.Close(epoll))
	}
	e := &ends{
		epoll:     epoll,
		cancelled: cancelled,
		released:  make(chan struct{}),
		byFD:      map[int32]*Process{},
		byProcess: map[*Process]int32{},
	}
	e.forget = context.AfterFunc(ctx, func() {
		defer close(e.released)
		one := [8]byte{1}
		_, _ = unix.Write(cancelled, one[:]) // fails only where it is readable already
	})
	return e, nil
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

// wait returns processes that ended, or none after timeout or when the context
// is done.
func (e *ends) wait(timeout time.Duration) ([]*Process, error) {
	var events [64]unix.EpollEvent
	milliseconds := int((max(timeout, 0) + time.Millisecond - 1) / time.Millisecond)
	n, err := unix.EpollWait(e.epoll, events[:], milliseconds)
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("wait for the end of processes: %w", err)
	}
	var ended []*Process
	for _, event := range events[:n] {
		if p := e.byFD[event.Fd]; p != nil {
			ended = append(ended, p)
		}
	}
	return ended, nil
}

// close releases all descriptors.
func (e *ends) close() error {
	if !e.forget() {
		<-e.released // the context's function may be writing
	}
	for p := range e.byProcess {
		e.remove(p)
	}
	return errors.Join(unix.Close(e.cancelled), unix.Close(e.epoll))
}
