// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"
)

// procRoot is where procfs is mounted.
const procRoot = "/proc"

// maxProcFile bounds what is read of one file in /proc, in bytes.
const maxProcFile = 1 << 20

// procfs reads a proc tree. It is not safe for concurrent use.
type procfs struct {
	root    string
	dir     int // open on root
	listing []byte
	target  []byte // of a link
	content []byte
}

func openProcfs(root string) (*procfs, error) {
	dir, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the process file system %s: %w", root, err)
	}
	return &procfs{
		root:    root,
		dir:     dir,
		listing: make([]byte, 64<<10),
		target:  make([]byte, unix.PathMax),
		content: make([]byte, 4096),
	}, nil
}

func (p *procfs) close() error {
	if err := unix.Close(p.dir); err != nil {
		return fmt.Errorf("close the process file system %s: %w", p.root, err)
	}
	return nil
}

// list appends the processes in the tree to into.
func (p *procfs) list(into []listed) ([]listed, error) {
	if _, err := unix.Seek(p.dir, 0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind %s: %w", p.root, err)
	}
	for {
		n, err := unix.Getdents(p.dir, p.listing)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, fmt.Errorf("list the processes in %s: %w", p.root, err)
		case n <= 0:
			return into, nil
		}
		into = parseDirents(p.listing[:n], into)
	}
}

func (p *procfs) path(pid int, name string) string {
	return p.root + "/" + strconv.Itoa(pid) + "/" + name
}

// read returns the content of a file of a process, up to maxProcFile.
func (p *procfs) read(pid int, name string) (string, error) {
	fd, err := unix.Openat(p.dir, strconv.Itoa(pid)+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", p.failure("open", pid, name, err)
	}
	defer func() { _ = unix.Close(fd) }() // opened for reading only
	length := 0
	for length < maxProcFile {
		if length == len(p.content) {
			p.content = append(p.content, make([]byte, length)...)
		}
		n, err := unix.Read(fd, p.content[length:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return "", p.failure("read", pid, name, err)
		case n <= 0:
			return string(p.content[:length]), nil
		}
		length += n
	}
	return string(p.content[:length]), nil
}

// failure names the file of a process that a system call failed on.
func (p *procfs) failure(operation string, pid int, name string, err error) error {
	return &fs.PathError{Op: operation, Path: p.path(pid, name), Err: err}
}

// stat reads the state of a process.
func (p *procfs) stat(pid int) (stat, error) {
	content, err := p.read(pid, "stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(content)
}

// executable reads where the exe link of a process points to, as it stands:
// with " (deleted)" where the file was deleted or replaced.
func (p *procfs) executable(pid int) (string, error) { return p.link(pid, "exe") }

// descriptor reads what a descriptor of a process is open on.
func (p *procfs) descriptor(pid, fd int) (string, error) {
	return p.link(pid, "fd/"+strconv.Itoa(fd))
}

// link reads where a link in the folder of a process points to.
func (p *procfs) link(pid int, name string) (string, error) {
	n, err := unix.Readlinkat(p.dir, strconv.Itoa(pid)+"/"+name, p.target)
	if err != nil {
		return "", p.failure("readlink", pid, name, err)
	}
	return string(p.target[:n]), nil
}

// descriptors appends the open descriptors of a process to into, the lowest ones
// first, in the place of PIDs.
func (p *procfs) descriptors(pid int, into []listed) ([]listed, error) {
	dir, err := unix.Openat(p.dir, strconv.Itoa(pid)+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return into, p.failure("open", pid, "fd", err)
	}
	defer func() { _ = unix.Close(dir) }() // opened for reading only
	for len(into) < maxDescriptors {
		n, err := unix.Getdents(dir, p.listing)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return into, p.failure("list", pid, "fd", err)
		case n <= 0:
			return into, nil
		}
		into = parseDirents(p.listing[:n], into)
	}
	return into, nil
}

// file identifies the executable of a process whatever its path.
func (p *procfs) file(pid int) (device, inode uint64, err error) {
	var status unix.Stat_t
	if err := unix.Fstatat(p.dir, strconv.Itoa(pid)+"/exe", &status, 0); err != nil {
		return 0, 0, p.failure("stat", pid, "exe", err)
	}
	return status.Dev, status.Ino, nil
}

// outcomeOf tells what an error of reading /proc says of the process.
func outcomeOf(err error) Outcome {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
		return Vanished
	case errors.Is(err, fs.ErrPermission):
		return Permission
	default:
		return Unreadable
	}
}
