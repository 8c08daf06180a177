// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func TestKernelEvents(t *testing.T) {
	ipv4, ipv6 := netip.MustParseAddrPort("192.0.2.1:80"), netip.MustParseAddrPort("[2001:db8::1]:443")
	for name, test := range map[string]struct {
		record record.Record
		event  string
		want   map[string]any
	}{
		"connected": {
			&record.Connect{Header: identified(10, 30), Peer: ipv4}, "fathom.network.connect",
			map[string]any{"network.peer.address": "192.0.2.1", "network.peer.port": int64(80), "network.transport": "tcp",
				"network.type": "ipv4", "thread.id": int64(43)},
		},
		"looked up": {
			&record.Lookup{Header: identified(10, 30), Name: "shop"}, "fathom.dns.lookup",
			map[string]any{"dns.question.name": "shop"},
		},
		"not found": {
			&record.Lookup{Header: identified(10, 30), Failed: true}, "fathom.dns.lookup",
			map[string]any{"error.type": "_OTHER"},
		},
		"shook hands": {
			&record.Handshake{Header: identified(10, 30), Server: true, Version: 0x303, ServerName: "shop"}, "fathom.tls.handshake",
			map[string]any{"fathom.tls.role": "server", "server.address": "shop", "tls.protocol.name": "tls", "tls.protocol.version": "1.2"},
		},
		"did not": {
			&record.Handshake{Header: identified(10, 30), Failed: true, Version: 0x300}, "fathom.tls.handshake",
			map[string]any{"fathom.tls.role": "client", "error.type": "_OTHER"},
		},
		"refused": {
			&record.Connect{Header: identified(10, 30), Peer: ipv6, Error: syscall.ECONNREFUSED}, "fathom.network.connect",
			map[string]any{"network.peer.address": "2001:db8::1", "network.peer.port": int64(443), "network.transport": "tcp",
				"network.type": "ipv6", "thread.id": int64(43), "error.type": "ECONNREFUSED"},
		},
		"given up": {
			&record.Connect{Header: identified(10, 30), Peer: ipv4, GivenUp: true}, "fathom.network.connect",
			map[string]any{"network.peer.address": "192.0.2.1", "network.peer.port": int64(80), "network.transport": "tcp",
				"network.type": "ipv4", "thread.id": int64(43), "error.type": "given_up"},
		},
		"unexplained": {
			&record.Connect{Header: identified(10, 30), Peer: ipv4, Unexplained: true}, "fathom.network.connect",
			map[string]any{"network.peer.address": "192.0.2.1", "network.peer.port": int64(80), "network.transport": "tcp",
				"network.type": "ipv4", "thread.id": int64(43), "error.type": "_OTHER"},
		},
		"sent again": {
			&record.Retransmit{Header: identified(10, 30), Peer: ipv4}, "fathom.network.retransmit",
			map[string]any{"network.peer.address": "192.0.2.1", "network.peer.port": int64(80), "network.transport": "tcp",
				"network.type": "ipv4"},
		},
		"waited for a CPU": {
			&record.RunQueue{Header: identified(10, 30), CPU: 3}, "fathom.scheduler.run_queue",
			map[string]any{"thread.id": int64(43), "cpu.logical_number": int64(3)},
		},
		"read": {
			&record.File{Header: identified(10, 30), Operation: record.FileRead, Path: "/wal", Bytes: 512}, "fathom.file.read",
			map[string]any{"thread.id": int64(43), "file.path": "/wal", "fathom.file.bytes": int64(512)},
		},
		"write that failed": {
			&record.File{Header: identified(10, 30), Operation: record.FileWrite, Path: "/wal", Error: syscall.ENOSPC}, "fathom.file.write",
			map[string]any{"thread.id": int64(43), "file.path": "/wal", "error.type": "ENOSPC"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := onlyLog(t, test.record)
			require.Equal(t, test.event, log.EventName())
			require.Equal(t, [16]byte{1}, [16]byte(log.TraceID()))
			require.Equal(t, [8]byte{2}, [8]byte(log.SpanID()))
			test.want["fathom.duration"], test.want["fathom.goroutine.id"] = int64(20), int64(7)
			require.Equal(t, test.want, log.Attributes().AsRaw())
		})
	}
}
