// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
)

const (
	// maxListeners of a network namespace are looked at, of each version of IP.
	maxListeners = 4096
	// maxDescriptors of a process are looked at, the lowest ones: a server opens
	// the sockets on which it listens before those of its clients.
	maxDescriptors = 4096
)

// listeners finds out on which ports processes listen. The sockets of a network
// namespace are read once a scan, whichever of its processes asks first.
type listeners struct {
	proc   *procfs
	spaces map[string]map[uint64]uint16 // ports by the socket's inode, by namespace
	fds    []listed
}

func newListeners(proc *procfs) *listeners {
	return &listeners{proc: proc, spaces: make(map[string]map[uint64]uint16)}
}

// forget what was read: another scan begins.
func (l *listeners) forget() { clear(l.spaces) }

// of returns the ports of all sockets that listen in the network namespace of a
// process, by their inodes.
func (l *listeners) of(pid int) (map[uint64]uint16, error) {
	space, err := l.proc.link(pid, "ns/net")
	if err != nil {
		return nil, err
	}
	if known, ok := l.spaces[space]; ok {
		return known, nil
	}
	found := make(map[uint64]uint16)
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		if err := l.read(pid, name, found); err != nil {
			return nil, err
		}
	}
	l.spaces[space] = found
	return found, nil
}

// read adds the sockets of a file, up to the first that does not listen. A kernel
// without IPv6 has no such file.
func (l *listeners) read(pid int, name string, into map[uint64]uint16) error {
	file, err := os.Open(l.proc.path(pid, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // opened for reading only
	lines := bufio.NewScanner(file)
	for n := 0; n < maxListeners && lines.Scan(); n++ {
		inode, port, last := parseListener(lines.Text())
		if last {
			return nil
		}
		if inode != 0 {
			into[inode] = port
		}
	}
	return lines.Err()
}

// ownedBy returns those of the ports on which the process itself listens: that
// have one of its descriptors.
func (l *listeners) ownedBy(pid int, sockets map[uint64]uint16) (ports []uint16, err error) {
	if l.fds, err = l.proc.descriptors(pid, l.fds[:0]); err != nil {
		return nil, err
	}
	for _, fd := range l.fds[:min(len(l.fds), maxDescriptors)] {
		link, err := l.proc.descriptor(pid, fd.pid)
		if err != nil {
			continue // closed since it was listed
		}
		if inode, ok := parseSocketLink(link); ok {
			if port, ok := sockets[inode]; ok {
				ports = append(ports, port)
			}
		}
	}
	return ports, nil
}
