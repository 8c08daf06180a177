// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// PortRange are TCP ports from First to Last, both included. The zero value is
// none.
type PortRange struct{ First, Last uint16 }

// ParsePortRange reads a port such as 8080, or a range such as 8000-8999.
func ParsePortRange(text string) (PortRange, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err != nil || err2 != nil || from == 0 || from > to {
		return PortRange{}, fmt.Errorf("%q is neither a port nor a range of ports: want one from 1 to 65535 such as 8080, or the lower and the higher one such as 8000-8999", text)
	}
	return PortRange{First: uint16(from), Last: uint16(to)}, nil
}

func (r PortRange) set() bool { return r != PortRange{} }

func (r PortRange) contains(port uint16) bool { return r.First <= port && port <= r.Last }

// stateListen is TCP_LISTEN of include/net/tcp_states.h.
const stateListen = "0A"

// parseListener reads a line of /proc/<pid>/net/tcp or tcp6: the inode of a socket
// that listens, and its port. It reports last where sockets of another state
// begin: the kernel lists those that listen first (net/ipv4/tcp_ipv4.c:
// tcp_get_idx).
func parseListener(line string) (inode uint64, port uint16, last bool) {
	const local, state, inodeAt = 1, 3, 9
	fields := strings.Fields(line)
	if len(fields) <= inodeAt {
		return 0, 0, false // the heading
	}
	if fields[0] != "sl" && fields[state] != stateListen {
		return 0, 0, true
	}
	_, digits, _ := strings.Cut(fields[local], ":")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 2 {
		return 0, 0, false
	}
	inode, err = strconv.ParseUint(fields[inodeAt], 10, 64)
	if err != nil {
		return 0, 0, false
	}
	return inode, binary.BigEndian.Uint16(b), false
}

// parseSocketLink reads where a descriptor's link points to, such as socket:[4711].
func parseSocketLink(link string) (inode uint64, ok bool) {
	digits, isSocket := strings.CutPrefix(link, "socket:[")
	digits, isClosed := strings.CutSuffix(digits, "]")
	if !isSocket || !isClosed {
		return 0, false
	}
	inode, err := strconv.ParseUint(digits, 10, 64)
	return inode, err == nil
}
