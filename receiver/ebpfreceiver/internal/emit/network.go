// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"net/netip"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"golang.org/x/sys/unix"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func (b *Batch) addConnect(log plog.LogRecord, c *record.Connect) {
	b.addEvent(log, events.NetworkConnect, &c.Header)
	putPeer(log.Attributes(), c.Peer)
	log.Attributes().PutInt(events.ThreadID, int64(c.TID))
	switch {
	case c.GivenUp:
		log.Attributes().PutStr(events.ErrorType, "given_up")
	case c.Unexplained:
		log.Attributes().PutStr(events.ErrorType, "_OTHER")
	case c.Error != 0:
		log.Attributes().PutStr(events.ErrorType, unix.ErrnoName(c.Error))
	}
}

func (b *Batch) addRetransmit(log plog.LogRecord, r *record.Retransmit) {
	b.addEvent(log, events.NetworkRetransmit, &r.Header)
	putPeer(log.Attributes(), r.Peer)
}

func putPeer(attributes pcommon.Map, peer netip.AddrPort) {
	attributes.PutStr(events.NetworkPeerAddress, peer.Addr().String())
	attributes.PutInt(events.NetworkPeerPort, int64(peer.Port()))
	attributes.PutStr(events.NetworkTransport, "tcp")
	if peer.Addr().Is4() {
		attributes.PutStr(events.NetworkType, "ipv4")
	} else {
		attributes.PutStr(events.NetworkType, "ipv6")
	}
}

func (b *Batch) addRunQueue(log plog.LogRecord, r *record.RunQueue) {
	b.addEvent(log, events.RunQueue, &r.Header)
	log.Attributes().PutInt(events.ThreadID, int64(r.TID))
	log.Attributes().PutInt(events.CPU, int64(r.CPU))
}

func (b *Batch) addBlockWait(log plog.LogRecord, r *record.BlockWait) {
	b.addEvent(log, events.BlockWait, &r.Header)
	log.Attributes().PutInt(events.ThreadID, int64(r.TID))
}
