// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/attach"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/footprint"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/probe"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// https://www.w3.org/TR/trace-context/#versioning-of-traceparent
func TestTraceparents(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	const ids = "-" + callerTrace + "-" + callerSpan + "-"
	for i, test := range []struct {
		traceparent string
		followed    bool
	}{
		{"00" + ids + "01", true},
		{"00" + ids + "03", true},
		{"00" + ids + "01-more", false},
		{"00" + ids + "zz", false},
		{"00" + ids + "0g", false},
		{"cc" + ids + "01", true},
		{"cc" + ids + "01-what-comes", true},
		{"cc" + ids + "01what-comes", false},
		{"cc" + ids + "0x-what-comes", false},
		{"ff" + ids + "01", false},
		{"0x" + ids + "01", false},
		{"00" + ids[:len(ids)-1] + "x01", false},
		{"00-00000000000000000000000000000000-" + callerSpan + "-01", false},
		{"00-" + callerTrace + "-0000000000000000-01", false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + callerSpan + "-01", false},
	} {
		path := "/traceparent/" + strconv.Itoa(i)
		_, _, err := target.Get(path, http.Header{"Traceparent": {test.traceparent}})
		require.NoError(t, err)
		span := h.awaitSpan(path)
		require.Equal(t, test.followed, span.TraceID().String() == callerTrace, test.traceparent)
		require.Equal(t, test.followed, span.ParentSpanID().String() == callerSpan, test.traceparent)
		require.False(t, span.TraceID().IsEmpty(), test.traceparent)
	}
	require.Zero(t, h.counter("requests_unobserved", "reason", "sampled_out"), "a malformed context says nothing of sampling")
}

// What a coroutine waits for, its caller does not spend in system calls.
func TestACallerOfACoroutineThatBlocks(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	_, status, err := target.Get("/coroutine", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	l := exactLedger(t, h.awaitSpan("/coroutine"))
	cause, ns := l.Dominant()
	require.Equal(t, ledger.Runnable, cause, "%v", l)
	require.Greater(t, ns, uint64(20*time.Millisecond))
}

func TestSystemCallsOnMetadataOfFiles(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, func(c *Config) { c.Events.File.MinDuration = 0 }, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	directory := t.TempDir()
	body, status, err := target.Get("/metadata?directory="+directory, fromCaller("01"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, body)
	l := exactLedger(t, h.awaitSpan("/metadata"))
	require.Greater(t, l[ledger.SyscallFile], 4*l[ledger.SyscallOther], "%v", l)
	require.Eventually(t, func() bool {
		for _, event := range h.events(events.FileOpen) {
			if path, _ := event.Attributes().Get(events.FilePath); path.Str() == filepath.Join(directory, "created") {
				return true
			}
		}
		return false
	}, patience, tick, "a creat is an open")
}

// The last collection of the Collector's own metrics comes after the shutdown.
func TestCountsOutliveTheReceiver(t *testing.T) {
	binary := targettest.Build(t)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	for range 3 {
		_, _, err := target.Get("/nothing", nil)
		require.NoError(t, err)
	}
	h.stop()
	spans := len(h.spans())
	require.GreaterOrEqual(t, h.counter("records", "", ""), int64(spans))
	require.Equal(t, 3, spans)
	require.Positive(t, h.counter("processes_examined", "outcome", "watched"))
}

// failing is a reader that fails after some records.
type failing struct {
	*probe.Reader
	left int
}

var errReader = errors.New("the buffer is gone")

func (f *failing) Read() ([]byte, error) {
	if f.left == 0 {
		return nil, errReader
	}
	raw, err := f.Reader.Read()
	if raw != nil {
		f.left--
	}
	return raw, err
}

// What was read is delivered whatever ends the reading, and the shutdown does
// not wait for who reads no more.
func TestAReaderThatFails(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	h := &harness{t: t, telemetry: componenttest.NewTelemetry(), stopped: true}
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = h.telemetry.NewTelemetrySettings()
	r, err := newReceiver(settings, createDefaultConfig(), nil)
	require.NoError(t, err)
	r.sinks.traces, r.sinks.logs = &h.traces, &h.logs
	r.programs, err = probe.Load(probe.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.programs.Close()) }()
	r.reader, err = r.programs.NewReader()
	require.NoError(t, err)
	defer func() { require.NoError(t, r.reader.Close()) }()
	peers := newPeers(r)
	vitals, err := newVitals(r)
	require.NoError(t, err)
	watched := &observer{telemetry: r.telemetry, runtimes: newRuntimes(r), dumps: newDumps(r), peers: peers, vitals: vitals, tallies: newTallies(r), profiles: newProfiles(r), heaps: newHeaps(r), footprint: footprint.NewKeeper()}
	attacher := attach.New(r.programs, attach.Wanted{Probes: true}, probe.NoEvents(), r.tier, watched, zap.NewNop())
	ctx, stop := context.WithCancel(t.Context())
	observing := make(chan error)
	go func() { observing <- attacher.Run(ctx) }()
	defer func() {
		stop()
		require.NoError(t, <-observing)
		require.NoError(t, attacher.Close())
	}()
	attacher.Handle(discover.Event{Kind: discover.Started, Process: &discover.Process{PID: target.PID, TargetIndex: discover.NoTarget}})
	h.awaitAttached(1)

	for range 5 {
		_, _, err := target.Get("/nothing", nil)
		require.NoError(t, err)
	}
	records := newRecords(r, attacher.Table(), peers, watched.profiles)
	records.reader = &failing{r.reader, 3}
	require.ErrorIs(t, records.run(), errReader)
	require.Equal(t, 3, len(h.spans())+len(h.events(events.StopTheWorld)), "what was read is delivered")
	soon, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, r.reader.Drain(soon), "two records wait, and nobody reads them")
}
