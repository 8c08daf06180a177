// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"net/netip"
	"slices"
	"time"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// Table sums up the traffic of one process. It is not safe for concurrent use.
type Table struct {
	max    int
	start  time.Time
	bounds []float64
	peers  map[netip.AddrPort]*totals
	others totals // of the peers that had no place
}

// totals of one peer. Counts of round-trip times are by bucket.
type totals struct {
	connections, sent, received, retransmits uint64
	roundTrips                               []uint64
	roundTripSum                             time.Duration
	roundTripCount                           uint64
}

// NewTable makes a table that begins at start and knows at most max peers.
func NewTable(max int, start time.Time) *Table {
	return &Table{max: max, start: start, bounds: bounds(), peers: make(map[netip.AddrPort]*totals)}
}

// Add takes what a connection carried. It reports false where the peer had no
// place, and it went to the others.
func (t *Table) Add(r *record.Traffic) bool {
	to, ok := t.totalsOf(peerOf(r))
	if r.Opened {
		to.connections++
	}
	to.sent += r.Sent
	to.received += r.Received
	to.retransmits += uint64(r.Retransmits)
	if r.RTT > 0 {
		t.addRoundTrip(to, r.RTT)
	}
	return ok
}

// peerOf leaves out the port from which a peer opened the connection: it is
// another one each time.
func peerOf(r *record.Traffic) netip.AddrPort {
	if r.Accepted {
		return netip.AddrPortFrom(r.Peer.Addr(), 0)
	}
	return r.Peer
}

func (t *Table) totalsOf(peer netip.AddrPort) (*totals, bool) {
	if known, ok := t.peers[peer]; ok {
		return known, true
	}
	if len(t.peers) >= t.max {
		return &t.others, false
	}
	made := &totals{}
	t.peers[peer] = made
	return made, true
}

func (t *Table) addRoundTrip(to *totals, rtt time.Duration) {
	if to.roundTrips == nil {
		to.roundTrips = make([]uint64, len(t.bounds)+1)
	}
	bucket, _ := slices.BinarySearch(t.bounds, rtt.Seconds()) // an upper bound belongs to its bucket
	to.roundTrips[bucket]++
	to.roundTripSum += rtt
	to.roundTripCount++
}
