// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func networkRecord(operation uint32, family, port uint16) []byte {
	raw := header(kindNetwork, networkSize)
	put(raw, networkOperation, operation, int32(0), family, port)
	put(raw, networkAddress, netip.MustParseAddr("2001:db8::1").As16())
	if family == familyIPv4 {
		put(raw, networkAddress, [16]byte{192, 0, 2, 1})
	}
	return raw
}

func TestDecodeConnect(t *testing.T) {
	for name, test := range map[string]struct {
		error int32
		want  Connect
	}{
		"connected":   {0, Connect{}},
		"refused":     {int32(syscall.ECONNREFUSED), Connect{Error: syscall.ECONNREFUSED}},
		"given up":    {networkGivenUp, Connect{GivenUp: true}},
		"unexplained": {networkUnexplained, Connect{Unexplained: true}},
	} {
		t.Run(name, func(t *testing.T) {
			raw := networkRecord(networkConnect, familyIPv4, 80)
			put(raw, networkError, test.error)
			got, err := Decode(raw)
			require.NoError(t, err)
			test.want.Header, test.want.Peer = wantHeader(), netip.MustParseAddrPort("192.0.2.1:80")
			require.Equal(t, &test.want, got)
		})
	}
}

func TestDecodeRetransmit(t *testing.T) {
	got, err := Decode(networkRecord(networkRetransmit, familyIPv6, 443))
	require.NoError(t, err)
	require.Equal(t, &Retransmit{Header: wantHeader(), Peer: netip.MustParseAddrPort("[2001:db8::1]:443")}, got)
}

func TestDecodeTraffic(t *testing.T) {
	raw := networkRecord(networkTraffic, familyIPv4, 80)
	put(raw, networkAccepted, uint8(1), uint8(1))
	put(raw, networkSent, uint64(1<<40), uint64(7), uint32(3), uint32(250))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &Traffic{
		Header: wantHeader(), Peer: netip.MustParseAddrPort("192.0.2.1:80"), Accepted: true, Opened: true,
		Sent: 1 << 40, Received: 7, Retransmits: 3, RTT: 250 * time.Microsecond,
	}, got)
}

func TestIPv4WithinIPv6IsIPv4(t *testing.T) {
	raw := networkRecord(networkRetransmit, familyIPv6, 80)
	put(raw, networkAddress, netip.MustParseAddr("::ffff:192.0.2.7").As16())
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddrPort("192.0.2.7:80"), got.(*Retransmit).Peer)
}

func TestDecodeRunQueue(t *testing.T) {
	raw := header(kindRunQueue, runQueueSize)
	put(raw, runQueueCPU, uint32(5))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &RunQueue{Header: wantHeader(), CPU: 5}, got)
}

func TestDecodeBlockWait(t *testing.T) {
	got, err := Decode(header(kindBlockWait, headerSize))
	require.NoError(t, err)
	require.Equal(t, &BlockWait{Header: wantHeader()}, got)
}

func BenchmarkDecodeTraffic(b *testing.B) {
	raw := networkRecord(networkTraffic, familyIPv6, 443)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
