// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// receiverScope is the instrumentation scope of what the eBPF receiver makes.
const receiverScope = "github.com/fathom-otel/fathom/receiver/ebpfreceiver"

// quiet is for how long no span may come until all are taken to be there: the
// SDK exports each half second, the exporter holds for less, and the processor
// holds a span whose ledger is late for as long as the agent's configuration says.
const quiet = enrichmentWait + 2*time.Second

// store is the tables in ClickHouse.
type store struct {
	t    *testing.T
	conn driver.Conn
}

func openStore(t *testing.T, endpoint string) *store {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}, Auth: clickhouse.Auth{Database: "otel"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the engine may be gone
	return &store{t: t, conn: conn}
}

// number asks for one.
func (s *store) number(query string, arguments ...any) uint64 {
	s.t.Helper()
	n, err := s.tryNumber(query, arguments...)
	require.NoError(s.t, err, query)
	return n
}

func (s *store) tryNumber(query string, arguments ...any) (n uint64, err error) {
	err = s.conn.QueryRow(context.Background(), query, arguments...).Scan(&n)
	return n, err
}

// each asks for rows.
func (s *store) each(query string, row func(driver.Rows) error, arguments ...any) {
	s.t.Helper()
	rows, err := s.conn.Query(context.Background(), query, arguments...)
	require.NoError(s.t, err, query)
	defer rows.Close()
	for rows.Next() {
		require.NoError(s.t, row(rows), query)
	}
	require.NoError(s.t, rows.Err(), query)
}

// settle waits until no span has come for a while.
func (s *store) settle() {
	s.t.Helper()
	var last uint64
	since := time.Now()
	require.Eventually(s.t, func() bool {
		now, err := s.tryNumber("SELECT count() FROM otel_traces")
		if err != nil || now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > quiet
	}, patience, tick, "spans keep coming")
}

// await waits until a query's number is at least want.
func (s *store) await(want uint64, query string, arguments ...any) {
	s.t.Helper()
	var last uint64
	var lastErr error
	deadline := time.Now().Add(patience)
	for ; time.Now().Before(deadline); time.Sleep(tick) {
		if last, lastErr = s.tryNumber(query, arguments...); lastErr == nil && last >= want {
			return
		}
	}
	require.Failf(s.t, "it does not come", "%s\ngives %d, not %d: %v", query, last, want, lastErr)
}

// span is one with its time ledger.
type span struct {
	service, name, traceID, spanID string
	duration                       uint64
	source                         string
	dominant                       string
	ledger                         ledger.Ledger
}

// spans asks for those that meet a condition.
func (s *store) spans(condition string, arguments ...any) []span {
	s.t.Helper()
	var columns []string
	for cause := range ledger.Cause(ledger.NumCauses) {
		columns = append(columns, fmt.Sprintf("toUInt64OrZero(SpanAttributes['%s'])", cause.Attribute()))
	}
	var found []span
	s.each(fmt.Sprintf(`SELECT ServiceName, SpanName, TraceId, SpanId, Duration, SpanAttributes['%s'], SpanAttributes['%s'], [%s]
		FROM otel_traces WHERE %s ORDER BY Timestamp`, ledger.AttributeSource, ledger.AttributeDominant, strings.Join(columns, ", "), condition),
		func(rows driver.Rows) error {
			var one span
			var times []uint64
			err := rows.Scan(&one.service, &one.name, &one.traceID, &one.spanID, &one.duration, &one.source, &one.dominant, &times)
			copy(one.ledger[:], times)
			found = append(found, one)
			return err
		}, arguments...)
	return found
}

// ids are the trace IDs of receipts.
func ids(receipts []receipt) any {
	traces := make([]string, 0, len(receipts))
	for _, r := range receipts {
		traces = append(traces, r.TraceID)
	}
	return clickhouse.Named("ids", traces)
}
