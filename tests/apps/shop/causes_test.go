// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package shop_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/tests/referee"
)

const (
	// requests of each cause that only waits.
	requests = 20
	// manyRequests of each cause that competes for Ps, so that a few misses on a
	// busy machine do not decide. For gc they also show that the runtime does not
	// switch mark assists off, as it does where a program collects too much.
	manyRequests = 100
)

// testCauses: each cause dominates its requests, says Go's execution tracer.
func testCauses(t *testing.T, programs string) {
	s := startShop(t, programs)
	warmUp(t, s)
	for _, test := range []struct {
		cause    string
		dominant ledger.Cause
		requests int
	}{
		{"mutex", ledger.BlockedMutex, requests},
		{"channel", ledger.BlockedChannel, requests},
		{"select", ledger.BlockedSelect, requests},
		{"sleep", ledger.Sleep, requests},
		{"cpu", ledger.OnCPU, requests},
		{"scheduler", ledger.Runnable, manyRequests},
		{"gc", ledger.GCAssist, manyRequests},
		{"fsync", ledger.SyscallFile, requests},
		{"downstream", ledger.BlockedNetwork, requests},
		{"cpu@inventory", ledger.BlockedNetwork, requests},
		{"fsync@payment", ledger.BlockedNetwork, requests},
	} {
		t.Run(test.cause, func(t *testing.T) {
			spans := traced(t, s, func() []string { return order(t, s, test.cause, test.requests) })
			hits, least := 0, 1.0
			for _, span := range spans {
				require.EqualValues(t, span.Duration, span.Ledger.Total(), "the parts of span %s must sum to its duration", span.ID)
				if dominant, _ := span.Ledger.Dominant(); dominant == test.dominant {
					hits++
				} else {
					t.Logf("span %s of %v is dominated by %s: %v", span.ID, span.Duration, dominant, span.Ledger)
				}
				least = min(least, float64(span.Ledger[test.dominant])/float64(span.Duration))
			}
			t.Logf("%s dominates %d of %d spans, with %.0f %% of the duration or more", test.dominant, hits, test.requests, 100*least)
			require.GreaterOrEqual(t, hits*100, test.requests*95)
		})
	}
}

// warmUp opens the connections: the first requests wait for them.
func warmUp(t *testing.T, s shop) {
	t.Helper()
	for range 3 {
		status, body := post(t, "http://"+s.checkout.HTTP+"/checkout?cause=downstream&ms=1")
		require.Equal(t, http.StatusOK, status, string(body))
	}
}

// order sends requests for CAUSE or CAUSE@SERVICE one after the other and
// returns their spans' IDs.
func order(t *testing.T, s shop, cause string, requests int) []string {
	t.Helper()
	var ids []string
	name, at, found := strings.Cut(cause, "@")
	if !found {
		at = "checkout"
	}
	query := url.Values{"cause": {name}, "at": {at}, "ms": {"50"}}
	for range requests {
		status, body := post(t, "http://"+s.checkout.HTTP+"/checkout?"+query.Encode())
		require.Equal(t, http.StatusOK, status, string(body))
		var receipt struct {
			SpanID string `json:"span_id"`
		}
		require.NoError(t, json.Unmarshal(body, &receipt))
		ids = append(ids, receipt.SpanID)
	}
	return ids
}

// traced returns, from an execution trace of checkout, the spans whose IDs do
// returns.
func traced(t *testing.T, s shop, do func() []string) []referee.Span {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	status, body := post(t, "http://"+s.checkout.Admin+"/trace/start?file="+url.QueryEscape(path))
	require.Equal(t, http.StatusOK, status, string(body))
	ids := do()
	status, body = post(t, "http://"+s.checkout.Admin+"/trace/stop")
	require.Equal(t, http.StatusOK, status, string(body))

	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	all, err := referee.Read(file)
	require.NoError(t, err)
	byID := map[string]referee.Span{}
	for _, span := range all {
		require.NotContains(t, byID, span.ID, "a span is marked once")
		byID[span.ID] = span
	}
	spans := make([]referee.Span, 0, len(ids))
	for _, id := range ids {
		require.Contains(t, byID, id, fmt.Sprintf("the trace has %d spans", len(all)))
		spans = append(spans, byID[id])
	}
	return spans
}
