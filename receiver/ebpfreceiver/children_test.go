// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// started is what the target says of goroutines that it started.
type started struct {
	Own              int64
	Children, Nested []int64
}

// observeChildren watches the target that starts goroutines, and tells all of
// what they do. It returns a file for them to open.
func observeChildren(t *testing.T, change func(*Config)) (*harness, *targettest.Target, string) {
	t.Helper()
	binary := targettest.BuildCalls(t)
	h := observe(t, func(c *Config) {
		c.Events.File.MinDuration = 0
		c.Events.Network.MinDuration = 0
		if change != nil {
			change(c)
		}
	}, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	path := filepath.Join(t.TempDir(), "opened")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return h, target, path
}

// opens are the events of opens of a file, once there are n.
func (h *harness) opens(path string, n int) []seenLog {
	h.t.Helper()
	var found []seenLog
	require.Eventually(h.t, func() bool {
		found = slices.DeleteFunc(h.events(events.FileOpen), func(e seenLog) bool { return e.attribute(events.FilePath) != path })
		return len(found) >= n
	}, patience, tick)
	require.Len(h.t, found, n)
	return found
}

func (l seenLog) attribute(name string) any { return l.Attributes().AsRaw()[name] }

// What goroutines do that were started in a span is the span's, whoever of them
// started them, with the probes on the scheduler and without.
func TestChildrenInheritTheSpan(t *testing.T) {
	const n = 8
	for _, mode := range []string{ModeExact, ModeSampled} {
		t.Run(mode, func(t *testing.T) {
			h, target, path := observeChildren(t, func(c *Config) { c.Ledger.Mode = mode })
			body, _, err := target.Get(fmt.Sprintf("/children/files?n=%d&path=%s", n, path), fromCaller("01"))
			require.NoError(t, err)
			var told started
			require.NoError(t, json.Unmarshal([]byte(body), &told))
			span := h.awaitSpan("/children/files")
			require.Equal(t, told.Own, span.attribute(events.GoroutineID))
			var seen []int64
			for _, event := range h.opens(path, 2*n) {
				require.Equal(t, callerTrace, event.TraceID().String())
				require.Equal(t, span.SpanID(), event.SpanID())
				require.Equal(t, "open", event.attribute(events.TraceInherited))
				seen = append(seen, event.attribute(events.GoroutineID).(int64))
			}
			require.ElementsMatch(t, append(told.Children, told.Nested...), seen)
			t.Logf("the span's goroutine is %d; events of %v", told.Own, seen)
			require.NotContains(t, span.Attributes().AsRaw(), events.TraceInherited)

			body, _, err = target.Get("/children/sdk?path="+path, nil)
			require.NoError(t, err)
			for _, event := range h.opens(path, 2*n+4)[2*n:] {
				require.Equal(t, strings.Fields(body), []string{event.TraceID().String(), event.SpanID().String()})
			}
			require.Zero(t, h.counter("probes_refused", "", ""))
		})
	}
}

// A request of a goroutine below a goroutine is below the span; so is the
// connection that net/http opens on a goroutine of its own.
func TestRequestsOfChildren(t *testing.T) {
	h, target, _ := observeChildren(t, nil)
	body, _, err := target.Get(sending("/children/get", target, "/metrics"), fromCaller("01"))
	require.NoError(t, err)
	require.Contains(t, body, "200")
	client, server := h.awaitSpans(1, isClient)[0], h.awaitSpan("/children/get")
	require.Equal(t, callerTrace, client.TraceID().String())
	require.Equal(t, server.SpanID(), client.ParentSpanID())
	require.Equal(t, "open", client.attribute(events.TraceInherited))
	require.NotEqual(t, server.attribute(events.GoroutineID), client.attribute(events.GoroutineID))
	exactLedger(t, client)
	require.Eventually(t, func() bool { return len(h.events(events.NetworkConnect)) > 0 }, patience, tick)
	connect := h.events(events.NetworkConnect)[0]
	require.Equal(t, client.SpanID(), connect.SpanID(), "the dialling goroutine is the request's")
	require.Equal(t, "open", connect.attribute(events.TraceInherited))
	scrape := h.awaitSpan("/metrics")
	require.NotEqual(t, callerTrace, scrape.TraceID().String(), "the request that came in says nothing of a trace")
}

// A server that is started in a span does no work of that span.
func TestAServerWithinASpan(t *testing.T) {
	h, target, _ := observeChildren(t, nil)
	_, _, err := target.Get("/children/server", fromCaller("01"))
	require.NoError(t, err)
	within := h.awaitSpan("/within")
	require.NotEqual(t, callerTrace, within.TraceID().String())
	require.True(t, within.ParentSpanID().IsEmpty())
	require.NotContains(t, within.Attributes().AsRaw(), events.TraceInherited)
}

// Goroutines that outlive their span are of its trace still, and say that they do.
func TestChildrenThatOutliveTheirSpan(t *testing.T) {
	h, target, path := observeChildren(t, nil)
	_, _, err := target.Get(sending("/children/start", target, "/metrics"), fromCaller("01"))
	require.NoError(t, err)
	span := h.awaitSpan("/children/start")
	_, _, err = target.Get("/children/release?path="+path, nil)
	require.NoError(t, err)
	event := h.opens(path, 1)[0]
	require.Equal(t, callerTrace, event.TraceID().String())
	require.True(t, event.SpanID().IsEmpty(), "the span had ended")
	require.Equal(t, "ended", event.attribute(events.TraceInherited))
	client := h.awaitSpans(1, isClient)[0]
	require.Equal(t, callerTrace, client.TraceID().String())
	require.Equal(t, span.SpanID(), client.ParentSpanID())
	require.Equal(t, "ended", client.attribute(events.TraceInherited))
	exactLedger(t, client)
}

// A span says how many goroutines were started in it, and for which of them it
// waited longest, and what that did.
func TestTheGoroutineThatASpanWaitsFor(t *testing.T) {
	h, target, _ := observeChildren(t, nil)
	for i, test := range []struct {
		do    string
		cause ledger.Cause
		least int64 // of it, by what the goroutine does
	}{
		{"sleep", ledger.Sleep, int64(400 * time.Millisecond)},
		{"lock", ledger.BlockedMutex, int64(190 * time.Millisecond)}, // it begins when the timer is set
		{"compute", ledger.OnCPU, int64(90 * time.Millisecond)},      // but for its system calls
	} {
		body, _, err := target.Get("/children/wait?do="+test.do, nil)
		require.NoError(t, err)
		var told started
		require.NoError(t, json.Unmarshal([]byte(body), &told))
		require.Eventually(t, func() bool { return len(h.events(events.SpanLedger)) == i+1 }, patience, tick)
		attributes := h.events(events.SpanLedger)[i].Attributes()
		span := attributes.AsRaw()
		t.Logf("%d waited for %v, then %v: %v", told.Own, told.Children, told.Nested, span)
		require.GreaterOrEqual(t, span[events.Goroutines], int64(4))
		require.Equal(t, told.Children[1], span[events.CriticalGoroutineID], "it takes longest")
		require.LessOrEqual(t, span[events.CriticalWait], span["fathom.time.blocked.sync"], "one of the span's waits for a WaitGroup")
		require.Greater(t, 2*span[events.CriticalWait].(int64), test.least)
		require.LessOrEqual(t, span[events.CriticalAge], span[events.Duration])
		did := criticalLedger(attributes)
		require.EqualValues(t, span[events.CriticalAge], did.Total(), "the parts sum to the whole")
		require.LessOrEqual(t, span[events.CriticalWait], span[events.CriticalAge], "it was there before the wait, and nothing of its time is missing")
		require.GreaterOrEqual(t, int64(did[test.cause]), test.least)
		cause, ns := did.Dominant()
		require.Equal(t, cause.String(), span[events.CriticalDominant])
		require.EqualValues(t, ns, span[events.CriticalDominantTime])
		for _, other := range []ledger.Cause{ledger.Sleep, ledger.BlockedMutex, ledger.BlockedSync, ledger.BlockedChannel, ledger.BlockedNetwork} {
			if other != test.cause {
				require.Zero(t, did[other], other)
			}
		}
	}
	require.Zero(t, h.counter("kernel_records_dropped", "", ""))
}

func criticalLedger(attributes pcommon.Map) (did ledger.Ledger) {
	for name, value := range attributes.All() {
		did.ReadCritical(name, value)
	}
	return did
}
