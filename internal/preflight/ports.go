// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// stateListen is TCP_LISTEN of net/tcp_states.h as /proc/net/tcp prints it.
const stateListen = "0A"

// listeningPorts tells which TCP ports that cover 127.0.0.1 are taken, and by whom.
func listeningPorts() (map[int]Listener, error) {
	inodes := map[string]int{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
			continue
		}
		if err != nil {
			return nil, err
		}
		for inode, port := range listeningInodes(string(text)) {
			inodes[inode] = port
		}
	}
	listeners := map[int]Listener{}
	for _, port := range inodes {
		listeners[port] = Listener{}
	}
	nameOwners(inodes, listeners)
	return listeners, nil
}

// listeningInodes reads the format of /proc/net/tcp and tcp6 (proc_pid_net(5)): the
// socket inodes and ports of those that listen on the loopback or on any address.
func listeningInodes(table string) map[string]int {
	inodes := map[string]int{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != stateListen {
			continue
		}
		address, hexPort, ok := strings.Cut(fields[1], ":")
		if !ok || !coversLoopback(address) {
			continue
		}
		port, err := strconv.ParseUint(hexPort, 16, 16)
		if err != nil {
			continue
		}
		inodes[fields[9]] = int(port)
	}
	return inodes
}

// coversLoopback tells whether a bound address, in the words of little-endian
// hexadecimal that the kernel prints, keeps others from binding 127.0.0.1.
func coversLoopback(address string) bool {
	const (
		any4      = "00000000"
		loopback4 = "0100007F"
		mapped    = "0000000000000000FFFF0000" // ::ffff:0:0/96
	)
	return address == any4 || address == loopback4 ||
		address == strings.Repeat("0", 32) || address == mapped+loopback4
}

// nameOwners fills in which process holds which listening socket, as far as this
// process may look at others.
func nameOwners(inodes map[string]int, listeners map[int]Listener) {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well formed
	for _, fd := range descriptors {
		target, err := os.Readlink(fd)
		if err != nil {
			continue // closed, or not ours to see
		}
		inode, ok := strings.CutPrefix(target, "socket:[")
		port, listens := inodes[strings.TrimSuffix(inode, "]")]
		if !ok || !listens {
			continue
		}
		process := filepath.Dir(filepath.Dir(fd))
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			continue
		}
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue // it just ended
		}
		listeners[port] = Listener{PID: pid, Name: strings.TrimSpace(string(name))}
	}
}
