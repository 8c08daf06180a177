// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// everyAttempt tells attempts to connect whatever they took.
func everyAttempt(c *Config) { c.Events.Network.MinDuration = 0 }

// failuresOnly tells no attempt that succeeds.
func failuresOnly(c *Config) { c.Events.Network.MinDuration = time.Hour }

// awaitEvent waits for an event about a peer.
func (h *harness) awaitEvent(name string, peer netip.AddrPort) seenLog {
	h.t.Helper()
	var found seenLog
	require.Eventually(h.t, func() bool {
		for _, event := range h.events(name) {
			if isAbout(event, peer) {
				found = event
				return true
			}
		}
		return false
	}, patience, tick, "no %s about %s", name, peer)
	return found
}

func isAbout(event seenLog, peer netip.AddrPort) bool {
	attributes := event.Attributes().AsRaw()
	return attributes[events.NetworkPeerAddress] == peer.Addr().String() &&
		attributes[events.NetworkPeerPort] == int64(peer.Port())
}

// requireOnSpan checks that an event carries the identity of a span and lies within it.
func requireOnSpan(t *testing.T, event seenLog, span seenSpan) {
	t.Helper()
	require.Equal(t, span.TraceID(), event.TraceID())
	require.Equal(t, span.SpanID(), event.SpanID())
	attributes := event.Attributes().AsRaw()
	require.Equal(t, span.Attributes().AsRaw()[events.GoroutineID], attributes[events.GoroutineID])
	require.GreaterOrEqual(t, int64(event.Timestamp())-attributes[events.Duration].(int64), int64(span.StartTimestamp()))
	require.LessOrEqual(t, event.Timestamp(), span.EndTimestamp())
}

func dialPath(peer netip.AddrPort, more string) string {
	return "/dial?address=" + url.QueryEscape(peer.String()) + more
}

func TestConnectsOnSpans(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, everyAttempt, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for network, address := range map[string]string{"ipv4": "127.0.0.1:0", "ipv6": "[::1]:0"} {
		peer := newServer(t, address)
		body, _, err := target.Get(dialPath(peer.address, ""), fromCaller("01"))
		require.NoError(t, err)
		require.Empty(t, body)
		event := h.awaitEvent(events.NetworkConnect, peer.address)
		require.Equal(t, callerTrace, event.TraceID().String())
		attributes := event.Attributes().AsRaw()
		require.Positive(t, attributes[events.Duration])
		require.Equal(t, network, attributes[events.NetworkType])
		require.Equal(t, "tcp", attributes[events.NetworkTransport])
		require.NotContains(t, attributes, events.ErrorType)
		require.Positive(t, attributes[events.ThreadID])
		require.EqualValues(t, target.PID, event.resource.AsRaw()["process.pid"])
		var span seenSpan
		require.Eventually(t, func() bool {
			for _, candidate := range h.spans() {
				if candidate.SpanID() == event.SpanID() {
					span = candidate
					return true
				}
			}
			return false
		}, patience, tick)
		requireOnSpan(t, event, span)
	}
}

func TestFailedConnects(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, failuresOnly, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)

	closed := newServer(t, "127.0.0.1:0")
	require.NoError(t, closed.listener.Close())
	silent := newServer(t, "127.0.0.1:0")
	silent.drop(silent.listener)
	for name, test := range map[string]struct {
		peer     netip.AddrPort
		more     string
		error    string
		duration time.Duration
	}{
		"refused":  {closed.address, "", "ECONNREFUSED", 0},
		"no route": {netip.MustParseAddrPort("255.255.255.255:9"), "", "ENETUNREACH", 0}, // to nobody in particular
		"given up": {silent.address, "&timeout=50ms", "given_up", 40 * time.Millisecond},
	} {
		body, _, err := target.Get(dialPath(test.peer, test.more), fromCaller("01"))
		require.NoError(t, err)
		require.NotEmpty(t, body, "%s: the dial failed", name)
		event := h.awaitEvent(events.NetworkConnect, test.peer)
		require.Equal(t, test.error, event.Attributes().AsRaw()[events.ErrorType], name)
		require.GreaterOrEqual(t, event.Attributes().AsRaw()[events.Duration], int64(test.duration), name)
		require.Equal(t, callerTrace, event.TraceID().String(), name)
	}
	open := newServer(t, "127.0.0.1:0")
	body, _, err := target.Get(dialPath(open.address, ""), nil)
	require.NoError(t, err)
	require.Empty(t, body)
	_, _, err = target.Get(dialPath(closed.address, ""), nil) // told after what is not told
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(h.events(events.NetworkConnect)) == 4 }, patience, tick)
	for _, event := range h.events(events.NetworkConnect) {
		require.False(t, isAbout(event, open.address), "an attempt that succeeds soon is not told")
	}
}

// A first segment that is dropped is sent again after a second.
func TestSlowConnects(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Events.Network.MinDuration = 500 * time.Millisecond }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	server := newServer(t, "127.0.0.1:0")
	server.drop(server.listener)
	answers := make(chan string, 1)
	go func() {
		body, _, err := target.Get(dialPath(server.address, ""), fromCaller("01"))
		answers <- fmt.Sprint(body, err)
	}()
	again := h.awaitEvent(events.NetworkRetransmit, server.address)
	require.Equal(t, callerTrace, again.TraceID().String(), "the segment that connects is the connecting span's")
	server.pass(server.listener)
	event := h.awaitEvent(events.NetworkConnect, server.address)
	require.Equal(t, "<nil>", <-answers)
	require.GreaterOrEqual(t, event.Attributes().AsRaw()[events.Duration], int64(time.Second))
	require.NotContains(t, event.Attributes().AsRaw(), events.ErrorType)
	requireOnSpan(t, event, h.awaitSpan("/dial"))
}

// What is sent again belongs to the span that wrote it.
func TestRetransmits(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, failuresOnly, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	server := newServer(t, "127.0.0.1:0")
	const written = 100
	answers := make(chan string, 1)
	go func() {
		body, _, err := target.Get(dialPath(server.address, fmt.Sprintf("&write=%d", written)), fromCaller("01"))
		answers <- fmt.Sprint(body, err)
	}()
	connection := server.accept()
	server.drop(connection)
	_, err := connection.Write([]byte{1})
	require.NoError(t, err)
	event := h.awaitEvent(events.NetworkRetransmit, server.address)
	server.pass(connection)
	server.read(connection, written)
	require.NoError(t, connection.Close())
	require.Equal(t, "<nil>", <-answers)
	require.Zero(t, event.Attributes().AsRaw()[events.Duration])
	requireOnSpan(t, event, h.awaitSpan("/dial"))

	series := h.awaitSeries("fathom.network.retransmits", server.address, "", 1)
	require.Less(t, series, int64(100))
	require.EqualValues(t, written, h.awaitSeries("fathom.network.io", server.address, "transmit", written),
		"what is sent again is counted once")
}

// A connection that a span opened may be written by others.
func TestRetransmitsOfWhatNoSpanWrote(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, failuresOnly, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	server := newServer(t, "127.0.0.1:0")
	server.passFirst() // a connection begins with the filter of its listener
	body, _, err := target.Get("/abandon?address="+server.address.String(), fromCaller("01"))
	require.NoError(t, err)
	require.Empty(t, body)
	server.accept()
	again := h.awaitEvent(events.NetworkRetransmit, server.address)
	require.True(t, again.TraceID().IsEmpty(), "the span connected, and wrote nothing")
	require.NotContains(t, again.Attributes().AsRaw(), events.GoroutineID)
}

func TestTraffic(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Events.Network.MaxPeers = 2 }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary, "OTEL_SERVICE_NAME=shop")
	h.awaitAttached(1)
	server := newServer(t, "127.0.0.1:0")
	const written, answered = 5000, 300
	answers := make(chan string, 1)
	go func() {
		body, _, err := target.Get(dialPath(server.address, fmt.Sprintf("&write=%d", written)), nil)
		answers <- fmt.Sprint(body, err)
	}()
	connection := server.accept()
	_, err := connection.Write(make([]byte, answered))
	require.NoError(t, err)
	server.read(connection, written)
	h.awaitSeries("fathom.network.io", server.address, "transmit", written) // while it is open
	require.EqualValues(t, 1, h.awaitSeries("fathom.network.connections", server.address, "", 1))
	require.NoError(t, connection.Close())
	require.Equal(t, "<nil>", <-answers)
	require.EqualValues(t, answered+1, h.awaitSeries("fathom.network.io", server.address, "receive", answered+1),
		"the end of the stream counts as one")
	require.EqualValues(t, written, h.awaitSeries("fathom.network.io", server.address, "transmit", written))

	client := netip.AddrPortFrom(server.address.Addr(), 0) // the test itself: it opened its connections
	require.Positive(t, h.awaitSeries("fathom.network.io", client, "receive", 1))
	metrics, resource := h.newestMetrics("fathom.network.rtt")
	require.Equal(t, "shop", resource.AsRaw()["service.name"])
	point := metrics["fathom.network.rtt"].Histogram().DataPoints().At(0)
	require.Positive(t, point.Sum())

	third := newServer(t, "127.0.0.1:0")
	body, _, err := target.Get(dialPath(third.address, ""), nil)
	require.NoError(t, err)
	require.Empty(t, body)
	require.EqualValues(t, 1, h.awaitSeries("fathom.network.connections", netip.AddrPort{}, "", 1), "there was room for two")
	require.Positive(t, h.counter("peers_overflowed", "", ""))
}

func TestTheNetworkCanBeSwitchedOff(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Events.Network.Enabled = false }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	server := newServer(t, "127.0.0.1:0")
	require.NoError(t, server.listener.Close())
	_, _, err := target.Get(dialPath(server.address, ""), nil)
	require.NoError(t, err)
	h.awaitSpan("/dial")
	require.Empty(t, h.events(events.NetworkConnect))
	metrics, _ := h.newestMetrics("fathom.network.connections")
	require.Nil(t, metrics)
}

// awaitSeries waits until a sum has at least that value for a peer, or for
// those without a series of their own, and returns it.
func (h *harness) awaitSeries(name string, peer netip.AddrPort, direction string, least int64) int64 {
	h.t.Helper()
	var value int64
	require.Eventually(h.t, func() bool {
		metrics, _ := h.newestMetrics(name)
		metric, ok := metrics[name]
		if !ok {
			return false
		}
		for _, point := range metric.Sum().DataPoints().All() {
			if isSeriesOf(point.Attributes().AsRaw(), peer, direction) && point.IntValue() >= least {
				value = point.IntValue()
				return true
			}
		}
		return false
	}, patience, tick, "%s of %s is not %d", name, peer, least)
	return value
}

func isSeriesOf(attributes map[string]any, peer netip.AddrPort, direction string) bool {
	if direction != "" && attributes["network.io.direction"] != direction {
		return false
	}
	if !peer.IsValid() {
		return attributes["otel.metric.overflow"] == true
	}
	if port, ok := attributes[events.NetworkPeerPort]; ok != (peer.Port() != 0) || ok && port != int64(peer.Port()) {
		return false
	}
	return attributes[events.NetworkPeerAddress] == peer.Addr().String()
}
