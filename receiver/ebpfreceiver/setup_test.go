// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// text is an attribute of a log record, "" where it has none.
func (l seenLog) text(name string) string {
	value, _ := l.Attributes().AsRaw()[name].(string)
	return value
}

// awaitSetup waits for one with an attribute, and returns it.
func (h *harness) awaitSetup(name, key, value string) seenLog {
	h.t.Helper()
	var found seenLog
	require.Eventually(h.t, func() bool {
		for _, event := range h.events(name) {
			if event.text(key) == value {
				found = event
				return true
			}
		}
		return false
	}, patience, tick, "%s with %s %s", name, key, value)
	return found
}

func TestLookups(t *testing.T) {
	binary := targettest.BuildCalls(t)
	h := observe(t, func(c *Config) { c.Events.DNS.MinDuration = 15 * time.Millisecond }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for _, name := range []string{"127.0.0.1", "slow.test.", "nothing.test."} {
		_, _, err := target.Get("/lookup?name="+name, fromCaller("01"))
		require.NoError(t, err)
	}
	failed := h.awaitSetup(events.Lookup, events.QuestionName, "nothing.test.")
	slow := h.awaitSetup(events.Lookup, events.QuestionName, "slow.test.")
	require.Len(t, h.events(events.Lookup), 2, "an address is not looked up")
	require.Equal(t, "_OTHER", failed.text(events.ErrorType))
	require.Empty(t, slow.text(events.ErrorType))
	require.GreaterOrEqual(t, slow.Attributes().AsRaw()[events.Duration], (20 * time.Millisecond).Nanoseconds())
	for _, event := range []seenLog{failed, slow} {
		require.Equal(t, callerTrace, event.TraceID().String())
		require.False(t, event.SpanID().IsEmpty())
		require.NotZero(t, event.Attributes().AsRaw()[events.GoroutineID])
	}
}

func TestHandshakes(t *testing.T) {
	for name, args := range map[string][]string{"normal": nil, "stripped": {"-ldflags=-s -w"}} {
		t.Run(name, func(t *testing.T) {
			binary := targettest.BuildCalls(t, args...)
			h := observe(t, func(c *Config) { c.Events.TLS.MinDuration = 0 }, TargetConfig{Executable: binary})
			target := targettest.Start(t, binary)
			h.awaitAttached(1)
			body, _, err := target.Get("/handshake?name=example.com", fromCaller("01"))
			require.NoError(t, err)
			require.Equal(t, "<nil>\n", body)
			server := h.awaitSetup(events.Handshake, events.TLSRole, "server")
			client := h.awaitSetup(events.Handshake, events.TLSRole, "client")
			for _, event := range []seenLog{server, client} {
				require.Equal(t, "example.com", event.text(events.ServerAddress))
				require.Equal(t, "tls", event.text(events.TLSProtocolName))
				require.Equal(t, "1.3", event.text(events.TLSProtocolVersion))
				require.Empty(t, event.text(events.ErrorType))
				require.Positive(t, event.Attributes().AsRaw()[events.Duration])
				require.NotZero(t, event.Attributes().AsRaw()[events.GoroutineID])
			}
			require.Equal(t, callerTrace, client.TraceID().String())
			require.True(t, server.TraceID().IsEmpty(), "its goroutine is in no span")

			_, _, err = target.Get("/handshake?name=other.test", nil)
			require.NoError(t, err)
			failed := h.awaitSetup(events.Handshake, events.ServerAddress, "other.test")
			h.awaitSetup(events.Handshake, events.ErrorType, "_OTHER")
			require.NotEqual(t, callerTrace, failed.TraceID().String())
			require.Zero(t, h.counter("probes_refused", "feature", "handshakes"))
		})
	}
}

func TestNoLookupsAndHandshakes(t *testing.T) {
	binary := targettest.BuildCalls(t)
	h := observe(t, func(c *Config) { c.Events.TLS.Enabled, c.Events.DNS.Enabled = false, false }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for _, path := range []string{"/handshake?name=example.com", "/lookup?name=nothing.test."} {
		_, _, err := target.Get(path, nil)
		require.NoError(t, err)
	}
	h.awaitSpan("/lookup")
	h.stop()
	require.Empty(t, h.events(events.Lookup))
	require.Empty(t, h.events(events.Handshake))
}
