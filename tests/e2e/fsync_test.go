// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
)

// mostOnSpan is how many events the processor puts on one span: the longest.
const mostOnSpan = 32

// testFsync: an fsync in checkout is an event with the IDs of the SDK's span,
// and lies on that span too.
func testFsync(t *testing.T, w *whole) {
	const requests = 10
	var receipts []receipt
	for range requests {
		receipts = append(receipts, w.shop.order("fsync", "checkout", causeTime))
	}
	w.store.settle()
	type syncs struct{ records, took, onSpan, events, duration uint64 }
	found := map[receipt]syncs{}
	path := filepath.Join(w.shop.data, "checkout.wal")
	w.store.each(`
SELECT span.TraceId, span.SpanId, span.Duration,
       toUInt64(arrayCount((name, attributes) -> name = @fsync AND attributes[@path] = @wal, span.Events.Name, span.Events.Attributes)),
       toUInt64(length(span.Events.Name)),
       event.records, event.took
FROM otel_traces AS span JOIN (
    SELECT TraceId, SpanId, count() AS records, sum(toUInt64OrZero(LogAttributes[@duration])) AS took
    FROM otel_logs
    WHERE EventName = @fsync AND ServiceName = 'checkout' AND LogAttributes[@path] = @wal
    GROUP BY TraceId, SpanId
) AS event ON event.TraceId = span.TraceId AND event.SpanId = span.SpanId
WHERE span.TraceId IN (@ids) AND span.ServiceName = 'checkout' AND span.SpanKind = 'Server'`,
		func(rows driver.Rows) error {
			var r receipt
			var s syncs
			err := rows.Scan(&r.TraceID, &r.SpanID, &s.duration, &s.onSpan, &s.events, &s.records, &s.took)
			found[r] = s
			return err
		}, ids(receipts), clickhouse.Named("fsync", events.FileFsync), clickhouse.Named("path", events.FilePath),
		clickhouse.Named("wal", path), clickhouse.Named("duration", events.Duration))

	var total uint64
	for _, r := range receipts {
		s, ok := found[r]
		require.True(t, ok, "request %v has fsync events with the IDs of its span", r)
		require.Positive(t, s.records)
		if s.events < mostOnSpan {
			require.Equal(t, s.records, s.onSpan, "the records are events on the span")
		} else { // others, such as writes, may be longer than some of them
			require.EqualValues(t, mostOnSpan, s.events)
			require.Positive(t, s.onSpan, "the records are events on the span")
		}
		require.Positive(t, s.took)
		require.LessOrEqual(t, s.took, s.duration)
		total += s.records
	}
	t.Logf("%d requests: %d fsync events of %s, all with the IDs of the SDK's spans and on them", requests, total, path)
}
