// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"net/netip"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/internal/events"
)

// AppendTo adds the metrics as they stand at now; none where nothing was carried.
func (t *Table) AppendTo(metrics pmetric.MetricSlice, now time.Time) {
	if len(t.peers) == 0 && t.others.empty() {
		return
	}
	w := writer{start: pcommon.NewTimestampFromTime(t.start), now: pcommon.NewTimestampFromTime(now), bounds: t.bounds}
	w.connections = addSum(metrics, connections())
	w.bytes = addSum(metrics, bytes())
	w.retransmits = addSum(metrics, retransmits())
	w.roundTrips = addHistogram(metrics, roundTrips())
	for peer, totals := range t.peers {
		w.write(totals, func(attributes pcommon.Map) { putPeer(attributes, peer) })
	}
	if !t.others.empty() {
		w.write(&t.others, func(attributes pcommon.Map) { attributes.PutBool(Overflow, true) })
	}
}

func (t *totals) empty() bool {
	return t.connections == 0 && t.sent == 0 && t.received == 0 && t.retransmits == 0 && t.roundTripCount == 0
}

// putPeer says who a series is about. Without a port: the peer opened the connections.
func putPeer(attributes pcommon.Map, peer netip.AddrPort) {
	attributes.PutStr(events.NetworkPeerAddress, peer.Addr().String())
	if peer.Port() != 0 {
		attributes.PutInt(events.NetworkPeerPort, int64(peer.Port()))
	}
	attributes.PutStr(events.NetworkTransport, "tcp")
}

// writer adds the data points of one peer to the metrics of all.
type writer struct {
	start, now                      pcommon.Timestamp
	bounds                          []float64
	connections, bytes, retransmits pmetric.NumberDataPointSlice
	roundTrips                      pmetric.HistogramDataPointSlice
}

func (w *writer) write(t *totals, identify func(pcommon.Map)) {
	w.add(w.connections, t.connections, identify)
	w.add(w.bytes, t.sent, identify).PutStr(Direction, "transmit")
	w.add(w.bytes, t.received, identify).PutStr(Direction, "receive")
	w.add(w.retransmits, t.retransmits, identify)
	if t.roundTripCount == 0 {
		return
	}
	point := w.roundTrips.AppendEmpty()
	identify(point.Attributes())
	point.SetStartTimestamp(w.start)
	point.SetTimestamp(w.now)
	point.ExplicitBounds().FromRaw(w.bounds)
	point.BucketCounts().FromRaw(t.roundTrips)
	point.SetCount(t.roundTripCount)
	point.SetSum(t.roundTripSum.Seconds())
}

func (w *writer) add(points pmetric.NumberDataPointSlice, value uint64, identify func(pcommon.Map)) pcommon.Map {
	point := points.AppendEmpty()
	identify(point.Attributes())
	point.SetStartTimestamp(w.start)
	point.SetTimestamp(w.now)
	point.SetIntValue(int64(value))
	return point.Attributes()
}

func addMetric(metrics pmetric.MetricSlice, d Definition) pmetric.Metric {
	metric := metrics.AppendEmpty()
	metric.SetName(d.Name)
	metric.SetUnit(d.Unit)
	metric.SetDescription(d.Description)
	return metric
}

func addSum(metrics pmetric.MetricSlice, d Definition) pmetric.NumberDataPointSlice {
	sum := addMetric(metrics, d).SetEmptySum()
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return sum.DataPoints()
}

func addHistogram(metrics pmetric.MetricSlice, d Definition) pmetric.HistogramDataPointSlice {
	histogram := addMetric(metrics, d).SetEmptyHistogram()
	histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return histogram.DataPoints()
}
