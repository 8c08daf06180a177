// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/tests/referee"
)

// refereeShare of the spans must agree with Go's execution tracer.
const refereeShare = 0.95

// testReferee takes an execution trace of checkout while Fathom observes it, and
// compares the ledgers of all its spans, of clients too.
func testReferee(t *testing.T, w *whole) {
	const requestsOfEach = 12
	path := filepath.Join(w.dir, "checkout.trace")
	var receipts []receipt
	w.shop.trace(path, func() {
		for cause := range injected() {
			for range requestsOfEach {
				receipts = append(receipts, w.shop.order(cause, "checkout", timeOf(cause)))
			}
		}
	})
	w.store.settle()
	judged := readTrace(t, path)

	var table referee.Table
	shown := 0
	for _, s := range w.store.spans("ServiceName = 'checkout' AND TraceId IN (@ids)", ids(receipts)) {
		require.NotEmpty(t, s.source, "%s %s of trace %s has a ledger", s.name, s.spanID, s.traceID)
		reference, ok := judged[s.spanID]
		require.True(t, ok, "the trace has span %s", s.spanID)
		differences := referee.Compare(reference.Ledger, s.ledger, time.Duration(s.duration), referee.Exact())
		table.Add(differences)
		if !referee.Agrees(differences) && shown < 10 {
			shown++
			t.Logf("%s of %v differs:\n  tracer %v\n  Fathom %v", s.name, time.Duration(s.duration), named(reference.Ledger), named(s.ledger))
		}
	}
	var out strings.Builder
	require.NoError(t, table.Write(&out))
	t.Logf("differences between Fathom's ledgers and the execution tracer's:\n%s", out.String())
	require.GreaterOrEqual(t, table.Spans(), len(receipts), "every request's span is judged")
	require.GreaterOrEqual(t, table.Agreeing(), refereeShare)
}

func readTrace(t *testing.T, path string) map[string]referee.Span {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	spans, err := referee.Read(file)
	require.NoError(t, err)
	byID := make(map[string]referee.Span, len(spans))
	for _, s := range spans {
		byID[s.ID] = s
	}
	return byID
}
