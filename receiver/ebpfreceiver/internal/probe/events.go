// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"math"
	"time"
)

// Events say what is told of a process beside its spans. A negative duration
// tells none of that kind.
type Events struct {
	// FileMinDuration is the shortest operation on a file that is told.
	FileMinDuration time.Duration
	// NetworkMinDuration is the shortest attempt to connect that is told. Failed
	// attempts and retransmissions are told unless it is negative.
	NetworkMinDuration time.Duration
	// LookupMinDuration is the shortest look-up of a name that is told,
	// HandshakeMinDuration the shortest handshake of TLS. Those that failed are
	// told unless it is negative.
	LookupMinDuration, HandshakeMinDuration time.Duration
	// RunQueueMinDuration is the shortest wait for a CPU that is told.
	RunQueueMinDuration time.Duration
	// BlockMinDuration is the shortest wait for a block device that is told.
	BlockMinDuration time.Duration
	// Disks counts requests to block devices and waits for them, Signals those that
	// are delivered.
	Disks, Signals bool
	// Allocations of spans are told.
	Allocations bool
	// Traffic tells what connections carried.
	Traffic bool
}

// NoEvents tells nothing.
func NoEvents() Events {
	return Events{FileMinDuration: -1, NetworkMinDuration: -1, LookupMinDuration: -1, HandshakeMinDuration: -1, RunQueueMinDuration: -1, BlockMinDuration: -1}
}

// atLeast is a duration as struct process of bpf/headers/process.h has it.
func atLeast(d time.Duration) uint64 {
	if d < 0 {
		return math.MaxUint64
	}
	return uint64(d)
}
