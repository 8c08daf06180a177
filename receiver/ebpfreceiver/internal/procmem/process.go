// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package procmem

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

var (
	// ErrGone says that the process has ended; its PID may belong to another by now.
	ErrGone = errors.New("the process has ended")
	// ErrFault says that an address is not mapped, or not readable, in the process.
	ErrFault = errors.New("address not readable in the process")
	// ErrPermission says that the reader lacks the rights: run as root or with CAP_SYS_PTRACE.
	ErrPermission = errors.New("reading memory of the process needs root or CAP_SYS_PTRACE")
)

// chunk is the number of buffers that one system call fills. The kernel takes
// 1024 (UIO_MAXIOV); this many keeps both vectors on the stack, and beyond it
// the cost of entering the kernel no longer shows.
const chunk = 128

// Process is a process whose memory is read. It is safe for concurrent use.
type Process struct {
	pid   int
	pidfd int
}

// Open prepares to read the memory of the process that has pid now. Reads fail
// with ErrGone after its end, also when the PID has been given to another
// process. An execve replaces the memory and is not noticed here.
func Open(pid int) (*Process, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, translate(err))
	}
	p := &Process{pid: pid, pidfd: pidfd}
	if err := p.alive(); err != nil {
		return nil, errors.Join(fmt.Errorf("open process %d: %w", pid, err), p.Close())
	}
	return p, nil
}

// Close releases the descriptor of the process. No read may be under way.
func (p *Process) Close() error {
	if err := unix.Close(p.pidfd); err != nil {
		return fmt.Errorf("close process %d: %w", p.pid, err)
	}
	return nil
}

// Range is a buffer and the address from which it is filled.
type Range struct {
	Address uint64
	Buffer  []byte
}

// ReadAt fills buffer from address. It reads all of it or fails; buffer is then
// undefined.
func (p *Process) ReadAt(address uint64, buffer []byte) error {
	ranges := [1]Range{{Address: address, Buffer: buffer}}
	return p.ReadRanges(ranges[:])
}

// ReadRanges fills each range, many with one system call. It reads all of them
// or fails; the buffers are then undefined. The process runs on meanwhile: what
// is read is no consistent snapshot.
func (p *Process) ReadRanges(ranges []Range) error {
	for len(ranges) > 0 {
		n := min(len(ranges), chunk)
		if err := p.readChunk(ranges[:n]); err != nil {
			return fmt.Errorf("read memory of process %d: %w", p.pid, err)
		}
		ranges = ranges[n:]
	}
	return p.alive()
}

// readChunk fills up to chunk ranges with one system call.
func (p *Process) readChunk(ranges []Range) error {
	var local [chunk]unix.Iovec
	var remote [chunk]unix.RemoteIovec
	count, want := 0, 0
	for _, r := range ranges {
		if len(r.Buffer) == 0 {
			continue
		}
		local[count].Base = &r.Buffer[0]
		local[count].SetLen(len(r.Buffer))
		remote[count] = unix.RemoteIovec{Base: uintptr(r.Address), Len: len(r.Buffer)}
		count++
		want += len(r.Buffer)
	}
	if count == 0 {
		return nil
	}
	got, err := unix.ProcessVMReadv(p.pid, local[:count], remote[:count], 0)
	runtime.KeepAlive(ranges)
	switch {
	case err != nil:
		return p.failure(translate(err), ranges, 0)
	case got < want:
		return p.failure(ErrFault, ranges, got)
	}
	return nil
}

// failure names the first range that was not read whole: the one at which the
// kernel stopped after got bytes.
func (p *Process) failure(cause error, ranges []Range, got int) error {
	if !errors.Is(cause, ErrFault) {
		return cause
	}
	for _, r := range ranges {
		if got < len(r.Buffer) {
			return fmt.Errorf("%d bytes at %#x: %w", len(r.Buffer), r.Address, cause)
		}
		got -= len(r.Buffer)
	}
	return cause
}

// alive returns ErrGone once the process has ended. A PID is given away only
// after that, so a read that comes before a successful alive was of this process.
func (p *Process) alive() error {
	for {
		fds := [1]unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds[:], 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("poll process %d: %w", p.pid, err)
		case n > 0:
			return fmt.Errorf("process %d: %w", p.pid, ErrGone)
		}
		return nil
	}
}

// translate gives the errno of a system call on a process its meaning.
func translate(err error) error {
	switch {
	case errors.Is(err, unix.ESRCH):
		return ErrGone
	case errors.Is(err, unix.EFAULT):
		return ErrFault
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ErrPermission
	default:
		return err
	}
}
