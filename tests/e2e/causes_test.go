// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

const (
	causeRequests = 100
	// causeHits of them must be dominated by the injected cause.
	causeHits = 95
	causeTime = 30 * time.Millisecond
	// gcTime is longer: a collection takes some milliseconds, and a request
	// waits only for those that it must help with.
	gcTime = 50 * time.Millisecond
)

// injected are the shop's causes and what their spans must be dominated by.
func injected() map[string]ledger.Cause {
	return map[string]ledger.Cause{
		"mutex":      ledger.BlockedMutex,
		"channel":    ledger.BlockedChannel,
		"select":     ledger.BlockedSelect,
		"sleep":      ledger.Sleep,
		"cpu":        ledger.OnCPU,
		"scheduler":  ledger.Runnable,
		"gc":         ledger.GCAssist,
		"fsync":      ledger.SyscallFile,
		"downstream": ledger.BlockedNetwork,
	}
}

// testCauses injects every cause into every service, one request after the
// other and the causes in turn, and looks at the span of that service.
func testCauses(t *testing.T, w *whole) {
	for _, service := range services() {
		receipts := map[string][]receipt{}
		for range causeRequests {
			for cause := range injected() {
				receipts[cause] = append(receipts[cause], w.shop.order(cause, service, timeOf(cause)))
			}
		}
		w.store.settle()
		for cause, want := range injected() {
			t.Run(cause+" in "+service, func(t *testing.T) {
				requireDominant(t, w.spansOf(service, receipts[cause]), want)
			})
		}
	}
}

func timeOf(cause string) time.Duration {
	if cause == "gc" {
		return gcTime
	}
	return causeTime
}

// spansOf are a service's server spans of the requests; /slow is where a
// downstream cause ends up, and not the request itself. Nor is what checkout
// asks payment over gRPC.
func (w *whole) spansOf(service string, receipts []receipt) []span {
	w.t.Helper()
	return w.store.spans("SpanKind = 'Server' AND ServiceName = @service AND SpanName NOT IN ('GET /slow', 'shop.v1.Fraud/Check') AND TraceId IN (@ids)",
		clickhouse.Named("service", service), ids(receipts))
}

func requireDominant(t *testing.T, spans []span, want ledger.Cause) {
	t.Helper()
	require.Equal(t, causeRequests, len(spans), "every request has its span, once")
	hits, share := 0, 0.0
	others := map[string]int{}
	for _, s := range spans {
		share += float64(s.ledger[want]) / float64(s.duration) / float64(len(spans))
		if s.dominant == want.String() {
			hits++
			continue
		}
		if others[s.dominant]++; others[s.dominant] <= 2 {
			t.Logf("not %s but %s: %v of %v: %v", want, s.dominant, s.spanID, time.Duration(s.duration), named(s.ledger))
		}
	}
	t.Logf("%s dominates %d of %d spans, on average with %.0f %% of their time; others: %v", want, hits, len(spans), 100*share, others)
	require.GreaterOrEqual(t, hits, causeHits)
}

// named lists what a ledger holds.
func named(l ledger.Ledger) (parts []string) {
	for cause, ns := range l {
		if ns > 0 {
			parts = append(parts, fmt.Sprintf("%s %v", ledger.Cause(cause), time.Duration(ns)))
		}
	}
	return parts
}

// testSums: of all spans that were stored, those of servers have a ledger, the
// dominant cause is the largest, and the parts sum to the duration exactly.
func testSums(t *testing.T, w *whole) {
	w.store.settle()
	bare := w.store.spans(fmt.Sprintf("SpanKind = 'Server' AND NOT mapContains(SpanAttributes, '%s') AND Timestamp > (SELECT min(Timestamp) + INTERVAL 5 SECOND FROM otel_traces)", ledger.AttributeSource))
	require.Zero(t, len(bare), "server spans without a ledger, the first of them %v", bare[:min(1, len(bare))])
	spans := w.store.spans(fmt.Sprintf("mapContains(SpanAttributes, '%s')", ledger.AttributeSource))
	require.NotEmpty(t, spans)
	for _, s := range spans {
		require.Equal(t, s.duration, s.ledger.Total(), "the parts of %s %s of trace %s: %v", s.service, s.name, s.traceID, named(s.ledger))
		require.Equal(t, ledger.Exact.String(), s.source)
		dominant, _ := s.ledger.Dominant()
		require.Equal(t, dominant.String(), s.dominant)
	}
	t.Logf("the parts of %d ledgers sum to their spans' durations", len(spans))
}
