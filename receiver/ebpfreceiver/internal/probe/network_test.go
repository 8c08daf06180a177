// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// What the kernel lacks is left out; the rest is observed.
func TestWhatHasNoTracepointsIsRefused(t *testing.T) {
	object, err := loadWorld()
	require.NoError(t, err)
	programs, server := attached(t, Options{kernel: object.Types}, func(target *Target) {
		target.Events = Events{NetworkMinDuration: 0, FileMinDuration: -1, RunQueueMinDuration: -1, BlockMinDuration: -1, Traffic: true}
	})
	reasons := map[KernelFeature]string{}
	for _, refusal := range programs.Refused() {
		require.True(t, programs.Refuses(refusal.Feature))
		reasons[refusal.Feature] = refusal.Reason.Error()
	}
	require.Len(t, reasons, 2, "%v", reasons)
	for _, name := range []string{"inet_sock_set_state", "tcp_retransmit_skb"} {
		require.Contains(t, reasons[Network], name)
	}
	require.Contains(t, reasons[Block], "block_bio_queue")
	require.NoError(t, programs.TellConnections())
	requests(t, server, 2)
	require.NotEmpty(t, readAll(t, programs))
}

func TestThisKernelHasTheTracepointsOfTheNetwork(t *testing.T) {
	kernel, err := btf.LoadKernelSpec()
	require.NoError(t, err)
	spec, err := loadNetwork()
	require.NoError(t, err)
	require.NoError(t, missingTracepoints(spec, kernel))
	spec.Programs["connection_state"].AttachTo = "no_such_tracepoint"
	require.ErrorContains(t, missingTracepoints(spec, kernel), "no_such_tracepoint")
}

// A connection is told of while it is open, and what it carried only once.
func TestOpenConnectionsAreTold(t *testing.T) {
	programs, server := attached(t, Options{}, func(target *Target) { target.Events.Traffic = true })
	connection, err := net.Dial("tcp", server.URL[len("http://"):])
	require.NoError(t, err)
	defer connection.Close()
	const request = "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
	var answered int
	for range 2 {
		_, err := connection.Write([]byte(request))
		require.NoError(t, err)
		n, err := connection.Read(make([]byte, 4096))
		require.NoError(t, err)
		answered += n
		require.NoError(t, programs.TellConnections())
	}
	require.NoError(t, programs.TellConnections())
	local := connection.LocalAddr().(*net.TCPAddr).AddrPort()
	want := netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	var told []*record.Traffic
	for _, r := range readAll(t, programs) {
		if traffic, ok := r.(*record.Traffic); ok && traffic.Peer == want {
			told = append(told, traffic)
		}
	}
	require.Len(t, told, 2, "the third time there was nothing to tell")
	require.True(t, told[0].Opened)
	require.False(t, told[1].Opened)
	require.True(t, told[0].Accepted)
	require.EqualValues(t, 2*len(request), told[0].Received+told[1].Received)
	require.EqualValues(t, answered, told[0].Sent+told[1].Sent)
	require.Positive(t, told[0].RTT)
	require.Less(t, told[0].RTT, time.Minute)
}

func TestConnectionsOfADetachedProcessAreForgotten(t *testing.T) {
	binary := targettest.Build(t)
	analysed, err := goexec.Open(binary)
	require.NoError(t, err)
	defer analysed.Close()
	programs, err := Load(Options{})
	require.NoError(t, err)
	defer programs.Close()
	server := targettest.Start(t, binary)
	attachment, err := programs.Attach(Target{PID: server.PID, Executable: opened(t, binary), Events: Events{Traffic: true}, Plan: plan.For(analysed)}, TierScheduler)
	require.NoError(t, err)
	connection, err := net.Dial("tcp", server.URL[len("http://"):])
	require.NoError(t, err)
	defer connection.Close()
	var socket uint64
	var value syscallsConnection
	require.Eventually(t, func() bool {
		return programs.syscalls.Connections.Iterate().Next(&socket, &value)
	}, time.Minute, 10*time.Millisecond, "it was accepted")
	require.EqualValues(t, server.PID, value.Tgid)
	_, err = attachment.Close()
	require.NoError(t, err)
	require.False(t, programs.syscalls.Connections.Iterate().Next(&socket, &value))
}
