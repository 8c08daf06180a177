// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
)

const (
	loadRequests = "200"
	loadRate     = "20"
)

// load runs the load generator with its mix of all causes and returns the
// receipts of its requests, all of which must have been answered.
func (w *whole) load() []receipt {
	w.t.Helper()
	log := filepath.Join(w.dir, "requests.log")
	generator := start(w.t, w.dir, "loadgen", repository(w.t).path("loadgen"), nil,
		"-target", "http://"+w.shop.checkout, "-requests", loadRequests, "-rate", loadRate, "-slow", "30ms", "-log", log)
	select {
	case <-generator.done:
		require.NoError(w.t, generator.err, generator.tail())
	case <-time.After(patience):
		require.Fail(w.t, "the load generator does not end")
	}
	return readReceipts(w.t, log)
}

func readReceipts(t *testing.T, log string) (receipts []receipt) {
	t.Helper()
	file, err := os.Open(log)
	require.NoError(t, err)
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var said struct {
			receipt
			Status string `json:"status"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &said))
		require.Equal(t, "200", said.Status, lines.Text())
		receipts = append(receipts, said.receipt)
	}
	return receipts
}

// testSpans: under load every request has one span of the SDK in checkout and
// one that the receiver made in each of the others, with the right parents.
func testSpans(t *testing.T, w *whole) {
	began := time.Now()
	receipts := w.load()
	w.store.settle()
	since := clickhouse.Named("since", began.UnixNano())
	receiver := clickhouse.Named("receiver", receiverScope)
	count := func(what string) uint64 {
		return w.store.number("SELECT count() FROM otel_traces WHERE Timestamp >= fromUnixTimestamp64Nano(@since) AND SpanKind = 'Server' AND "+what, since, receiver)
	}
	sent := uint64(len(receipts))
	require.NotZero(t, sent)
	require.Equal(t, sent, count("ServiceName = 'checkout' AND ScopeName != @receiver"), "spans of checkout's SDK")
	require.Zero(t, count("ServiceName = 'checkout' AND ScopeName = @receiver"), "where the SDK makes a span the receiver makes none")
	require.Equal(t, sent, count("ServiceName = 'inventory' AND ScopeName = @receiver AND SpanName = 'GET /stock/{item}'"))
	require.Equal(t, sent, count("ServiceName = 'payment' AND ScopeName = @receiver AND SpanName = 'POST /charge'"))
	require.Equal(t, 2*sent, count("ServiceName = 'payment' AND ScopeName = @receiver AND SpanName = 'shop.v1.Fraud/Check'"), "calls of checkout and of inventory")
	every := func(what string) uint64 {
		return w.store.number("SELECT count() FROM otel_traces WHERE Timestamp >= fromUnixTimestamp64Nano(@since) AND "+what, since, receiver)
	}
	require.Zero(t, every("ServiceName = 'checkout' AND ScopeName = @receiver"), "nor where it makes those of clients")
	require.Equal(t, sent, every("ServiceName = 'inventory' AND ScopeName = @receiver AND SpanKind = 'Client' AND SpanName = 'shop.v1.Fraud/Check' AND "+
		"(TraceId, ParentSpanId) IN (SELECT TraceId, SpanId FROM otel_traces WHERE ServiceName = 'inventory' AND SpanName = 'GET /stock/{item}')"))

	chains := w.chains(receipts)
	for _, r := range receipts {
		require.Equal(t, chain{checkout: 1, inventory: 1, payment: 1}, chains[r], "spans of request %v: each once, with its parents", r)
	}
	t.Logf("%d requests: %d spans of checkout, inventory and payment each, once, parents right", sent, sent)
}

// chain counts a request's server spans whose parents are right: checkout's has
// none, the others' is a client span below checkout's.
type chain struct{ checkout, inventory, payment uint64 }

func (w *whole) chains(receipts []receipt) map[receipt]chain {
	w.t.Helper()
	chains := map[receipt]chain{}
	w.store.each(`
WITH spans AS (SELECT * FROM otel_traces WHERE TraceId IN (@ids)),
called AS (
    SELECT server.TraceId AS trace, client.ParentSpanId AS caller,
           countIf(server.ServiceName = 'inventory') AS inventory, countIf(server.ServiceName = 'payment') AS payment
    FROM spans AS server JOIN spans AS client ON server.TraceId = client.TraceId AND server.ParentSpanId = client.SpanId
    WHERE server.SpanKind = 'Server' AND server.SpanName IN ('GET /stock/{item}', 'POST /charge')
      AND client.SpanKind = 'Client' AND client.ServiceName = 'checkout'
    GROUP BY trace, caller
)
SELECT root.TraceId, root.SpanId, count(), any(called.inventory), any(called.payment)
FROM spans AS root JOIN called ON root.TraceId = called.trace AND root.SpanId = called.caller
WHERE root.SpanKind = 'Server' AND root.ServiceName = 'checkout' AND root.ParentSpanId = ''
GROUP BY root.TraceId, root.SpanId`, func(rows driver.Rows) error {
		var r receipt
		var c chain
		err := rows.Scan(&r.TraceID, &r.SpanID, &c.checkout, &c.inventory, &c.payment)
		chains[r] = c
		return err
	}, ids(receipts))
	return chains
}
