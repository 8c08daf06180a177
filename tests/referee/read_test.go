// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"bytes"
	"fmt"
	runtimetrace "runtime/trace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/tests/referee/mark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record runs a program under Go's execution tracer.
func record(t *testing.T, program func()) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, runtimetrace.Start(&out))
	program()
	runtimetrace.Stop()
	return out.Bytes()
}

// spansOf runs a program under the tracer and returns its spans by ID.
func spansOf(t *testing.T, program func()) map[string]Span {
	t.Helper()
	spans, err := Read(bytes.NewReader(record(t, program)))
	require.NoError(t, err)
	byID := map[string]Span{}
	for _, span := range spans {
		require.EqualValues(t, span.Duration, span.Ledger.Total(), "the parts must sum to the duration")
		require.Zero(t, span.Ledger[ledger.OSRunqueue], "the tracer cannot know os_runqueue")
		byID[span.ID] = span
	}
	require.Len(t, byID, len(spans), "a span is returned once")
	return byID
}

// requireAbout wants at least so much time: the trace's clock is a little
// coarser than the one that ends a sleep, and the thread may lose its CPU between
// reading that clock and parking.
func requireAbout(t *testing.T, least time.Duration, took uint64) {
	t.Helper()
	require.Greater(t, time.Duration(took), least-max(least/50, 2*time.Millisecond))
}

func id(n int) string { return fmt.Sprintf("%016x", n) }

func TestNestedSpans(t *testing.T) {
	ctx := t.Context()
	spans := spansOf(t, func() {
		mark.Start(ctx, id(1))
		time.Sleep(20 * time.Millisecond)
		mark.Region(ctx, id(2), func() { time.Sleep(30 * time.Millisecond) })
		mark.End(ctx, id(1))
	})
	require.Len(t, spans, 2)
	outer, inner := spans[id(1)], spans[id(2)]
	requireAbout(t, 50*time.Millisecond, outer.Ledger[ledger.Sleep])
	requireAbout(t, 30*time.Millisecond, inner.Ledger[ledger.Sleep])
	require.Less(t, inner.Ledger[ledger.Sleep], outer.Ledger[ledger.Sleep])
	require.Less(t, outer.Start, inner.Start)
	require.Equal(t, outer.Goroutine, inner.Goroutine)
	require.Equal(t, outer.Goroutine, outer.EndedBy)
}

// Ends of OpenTelemetry spans need not nest.
func TestOverlappingSpans(t *testing.T) {
	ctx := t.Context()
	spans := spansOf(t, func() {
		mark.Start(ctx, id(1))
		time.Sleep(10 * time.Millisecond)
		mark.Start(ctx, id(2))
		time.Sleep(10 * time.Millisecond)
		mark.End(ctx, id(1))
		time.Sleep(10 * time.Millisecond)
		mark.End(ctx, id(2))
	})
	require.Len(t, spans, 2)
	for _, span := range spans {
		requireAbout(t, 20*time.Millisecond, span.Ledger[ledger.Sleep])
	}
	require.Positive(t, spans[id(2)].Start.Sub(spans[id(1)].Start))
}

// The ledger is the starting goroutine's, also where it has ended by then.
func TestSpanEndedByAnotherGoroutine(t *testing.T) {
	ctx := t.Context()
	spans := spansOf(t, func() {
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			mark.Start(ctx, id(1))
			time.Sleep(5 * time.Millisecond)
		}()
		<-gone
		time.Sleep(20 * time.Millisecond)
		mark.End(ctx, id(1))
	})
	require.Len(t, spans, 1)
	span := spans[id(1)]
	require.NotEqual(t, span.Goroutine, span.EndedBy)
	requireAbout(t, 5*time.Millisecond, span.Ledger[ledger.Sleep])
	requireAbout(t, 15*time.Millisecond, span.Ledger[ledger.Unattributed])
}

func TestIncompleteSpansAreLeftOut(t *testing.T) {
	ctx := t.Context()
	mark.Start(ctx, id(1)) // Before the trace.
	spans := spansOf(t, func() {
		mark.End(ctx, id(1))
		mark.Start(ctx, id(2)) // Never ended.
		mark.Region(ctx, id(3), func() {})
		runtimetrace.Log(ctx, "other", id(4))
		runtimetrace.WithRegion(ctx, "other", func() {})
	})
	require.Len(t, spans, 1)
	require.Contains(t, spans, id(3))
}

// A trace is cut into generations of about a second: a span that is longer than
// one keeps its state over the border.
func TestSpanOverGenerations(t *testing.T) {
	spans := spansOf(t, func() {
		mark.Region(t.Context(), id(1), func() {
			time.Sleep(1200 * time.Millisecond)
			<-time.After(1200 * time.Millisecond)
		})
	})
	span := spans[id(1)]
	requireAbout(t, 1200*time.Millisecond, span.Ledger[ledger.Sleep])
	requireAbout(t, 1200*time.Millisecond, span.Ledger[ledger.BlockedChannel])
	require.Zero(t, span.Ledger[ledger.Unattributed])
}

func TestReadRefusesWhatIsNoTrace(t *testing.T) {
	_, err := Read(strings.NewReader("this is no trace, but long enough to look like one"))
	require.ErrorContains(t, err, "opening the execution trace")

	whole := record(t, func() {
		mark.Region(t.Context(), id(1), func() { time.Sleep(time.Millisecond) })
	})
	_, err = Read(bytes.NewReader(whole[:len(whole)/2]))
	require.ErrorContains(t, err, "reading the execution trace")
}
