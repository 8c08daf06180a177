// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Connect is an attempt to open a TCP connection that took long or failed.
type Connect struct {
	Header
	Peer netip.AddrPort
	// Error is 0 on success, and where GivenUp or Unexplained.
	Error syscall.Errno
	// GivenUp: the program closed the socket before it was connected, as Go
	// does where a context ends.
	GivenUp bool
	// Unexplained: it failed, and the errno was gone when the kernel told.
	Unexplained bool
}

// Retransmit is one segment that TCP sent again. Its identity is that of the
// span in which the bytes were written, or of no span; its thread means nothing.
type Retransmit struct {
	Header
	Peer netip.AddrPort
}

// Traffic is what a TCP connection carried since it was told of last. It has no
// identity: a connection may serve many spans.
type Traffic struct {
	Header
	Peer netip.AddrPort
	// Accepted: the peer opened the connection.
	Accepted bool
	// Opened: this is the first that is told of the connection.
	Opened bool
	// Sent and Received are bytes of payload, each counted once. The peer's
	// end of the stream counts as one byte received (tcp_sock.bytes_received).
	Sent, Received uint64
	// Retransmits are segments.
	Retransmits uint32
	// RTT is the smoothed round-trip time, 0 where the kernel has none.
	RTT time.Duration
}

// RunQueue is a wait of a thread that was ready, and held a goroutine that is
// in a span, for a CPU.
type RunQueue struct {
	Header
	// CPU on which the thread ran then.
	CPU uint32
}

// BlockWait is a wait of a thread for a block device.
type BlockWait struct{ Header }

// Sizes and offsets in bytes, and numbers: bpf/headers/records.h.
const (
	networkOperation   = headerSize
	networkError       = headerSize + 4
	networkFamily      = headerSize + 8
	networkPort        = headerSize + 10
	networkAccepted    = headerSize + 12
	networkOpened      = headerSize + 13
	networkAddress     = headerSize + 16
	networkSent        = headerSize + 32
	networkReceived    = headerSize + 40
	networkRetransmits = headerSize + 48
	networkRTT         = headerSize + 52
	networkSize        = headerSize + 56
	networkConnect     = 1
	networkRetransmit  = 2
	networkTraffic     = 3
	networkGivenUp     = -1
	networkUnexplained = -2
	familyIPv4         = 2
	familyIPv6         = 10
	runQueueCPU        = headerSize
	runQueueSize       = headerSize + 8
)

func decodeNetwork(raw []byte) (Record, error) {
	peer, err := decodePeer(raw)
	if err != nil {
		return nil, err
	}
	switch operation := u32(raw, networkOperation); operation {
	case networkConnect:
		c := &Connect{Header: decodeHeader(raw), Peer: peer}
		switch failure := int32(u32(raw, networkError)); failure {
		case networkGivenUp:
			c.GivenUp = true
		case networkUnexplained:
			c.Unexplained = true
		default:
			c.Error = syscall.Errno(failure)
		}
		return c, nil
	case networkRetransmit:
		return &Retransmit{Header: decodeHeader(raw), Peer: peer}, nil
	case networkTraffic:
		return &Traffic{
			Header:      decodeHeader(raw),
			Peer:        peer,
			Accepted:    raw[networkAccepted] != 0,
			Opened:      raw[networkOpened] != 0,
			Sent:        u64(raw, networkSent),
			Received:    u64(raw, networkReceived),
			Retransmits: u32(raw, networkRetransmits),
			RTT:         time.Duration(u32(raw, networkRTT)) * time.Microsecond,
		}, nil
	default:
		return nil, fmt.Errorf("%w: network operation %d", ErrMalformed, operation)
	}
}

// decodePeer reads an address; one of IPv4 within IPv6 is told as IPv4.
func decodePeer(raw []byte) (netip.AddrPort, error) {
	port := binary.LittleEndian.Uint16(raw[networkPort:])
	switch family := binary.LittleEndian.Uint16(raw[networkFamily:]); family {
	case familyIPv4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(raw[networkAddress:])), port), nil
	case familyIPv6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(raw[networkAddress:])).Unmap(), port), nil
	default:
		return netip.AddrPort{}, fmt.Errorf("%w: address family %d", ErrMalformed, family)
	}
}

func decodeRunQueue(raw []byte) *RunQueue {
	return &RunQueue{Header: decodeHeader(raw), CPU: u32(raw, runQueueCPU)}
}
