// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func began() time.Time { return time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC) }

func carried(peer string, sent, received uint64) *record.Traffic {
	return &record.Traffic{Peer: netip.MustParseAddrPort(peer), Opened: true, Sent: sent, Received: received, RTT: time.Millisecond}
}

// values are those of a sum by its attributes, written as a map.
func values(t *testing.T, table *Table, name string) map[string]int64 {
	t.Helper()
	got := map[string]int64{}
	for _, metric := range emitted(table).All() {
		if metric.Name() != name {
			continue
		}
		require.True(t, metric.Sum().IsMonotonic())
		for _, point := range metric.Sum().DataPoints().All() {
			require.Equal(t, began(), point.StartTimestamp().AsTime())
			got[fmt.Sprint(point.Attributes().AsRaw())] += point.IntValue()
		}
	}
	return got
}

func emitted(table *Table) pmetric.MetricSlice {
	metrics := pmetric.NewMetricSlice()
	table.AppendTo(metrics, began().Add(time.Minute))
	return metrics
}

func of(attributes map[string]any) string {
	m := pcommon.NewMap()
	_ = m.FromRaw(attributes) // of strings and numbers only
	return fmt.Sprint(m.AsRaw())
}

func TestTrafficIsSummedByPeer(t *testing.T) {
	table := NewTable(10, began())
	require.Zero(t, emitted(table).Len(), "nothing was carried")
	require.True(t, table.Add(carried("192.0.2.1:80", 10, 20)))
	later := carried("192.0.2.1:80", 1, 2)
	later.Opened, later.Retransmits = false, 3
	require.True(t, table.Add(later))
	for port := range uint16(3) { // one client, from other ports
		accepted := carried("[2001:db8::1]:1", 5, 7)
		accepted.Peer = netip.AddrPortFrom(accepted.Peer.Addr(), 50000+port)
		accepted.Accepted = true
		require.True(t, table.Add(accepted))
	}
	server := map[string]any{"network.peer.address": "192.0.2.1", "network.peer.port": int64(80), "network.transport": "tcp"}
	client := map[string]any{"network.peer.address": "2001:db8::1", "network.transport": "tcp"}
	with := func(m map[string]any, direction string) string {
		all := map[string]any{Direction: direction}
		for k, v := range m {
			all[k] = v
		}
		return of(all)
	}
	require.Equal(t, map[string]int64{of(server): 1, of(client): 3}, values(t, table, "fathom.network.connections"))
	require.Equal(t, map[string]int64{of(server): 3, of(client): 0}, values(t, table, "fathom.network.retransmits"))
	require.Equal(t, map[string]int64{
		with(server, "transmit"): 11, with(server, "receive"): 22,
		with(client, "transmit"): 15, with(client, "receive"): 21,
	}, values(t, table, "fathom.network.io"))
}

func TestPeersAreBounded(t *testing.T) {
	table := NewTable(2, began())
	const peers = 50
	refused := 0
	for i := range peers {
		if !table.Add(carried(fmt.Sprintf("192.0.2.%d:80", i), 1, 0)) {
			refused++
		}
	}
	require.Equal(t, peers-2, refused)
	require.True(t, table.Add(carried("192.0.2.0:80", 1, 0)), "who has a place keeps it")
	got := values(t, table, "fathom.network.connections")
	require.Len(t, got, 3)
	require.EqualValues(t, peers-2, got[fmt.Sprint(map[string]any{Overflow: true})])
	var all int64
	for _, n := range values(t, table, "fathom.network.io") {
		all += n
	}
	require.EqualValues(t, peers+1, all, "nothing is lost")
}

func TestRoundTrips(t *testing.T) {
	table := NewTable(1, began())
	samples := []time.Duration{10 * time.Microsecond, 50 * time.Microsecond, 51 * time.Microsecond, time.Second, time.Hour}
	var sum time.Duration
	for _, rtt := range samples {
		r := carried("192.0.2.1:80", 0, 0)
		r.RTT = rtt
		sum += rtt
		table.Add(r)
	}
	unknown := carried("192.0.2.1:80", 0, 0)
	unknown.RTT = 0
	table.Add(unknown)
	metrics := emitted(table)
	require.Equal(t, len(Definitions()), metrics.Len())
	for i, definition := range Definitions() {
		require.Equal(t, definition.Name, metrics.At(i).Name())
		require.Equal(t, definition.Unit, metrics.At(i).Unit())
	}
	point := metrics.At(3).Histogram().DataPoints().At(0)
	require.EqualValues(t, len(samples), point.Count())
	require.InDelta(t, sum.Seconds(), point.Sum(), 1e-9)
	counts := point.BucketCounts().AsRaw()
	require.Len(t, counts, point.ExplicitBounds().Len()+1)
	require.EqualValues(t, 2, counts[0], "a bound belongs to the bucket below it")
	require.EqualValues(t, 1, counts[1])
	require.EqualValues(t, 1, counts[13])
	require.EqualValues(t, 1, counts[len(counts)-1])
}

func BenchmarkAdd(b *testing.B) {
	table := NewTable(100, began())
	r := carried("192.0.2.1:80", 100, 1000)
	b.ReportAllocs()
	for b.Loop() {
		table.Add(r)
	}
}
