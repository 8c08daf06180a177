// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// Reader asks ClickHouse.
type Reader struct {
	// Conn to the database that holds the tables.
	Conn driver.Conn
	// Since is when the load began: what is older does not count.
	Since time.Time
	// Services that the report tells of.
	Services []string
}

// Open connects to the engine at endpoint, host:port.
func Open(endpoint, database string) (driver.Conn, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{endpoint},
		Auth: clickhouse.Auth{Database: database},
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to ClickHouse at %s: %w", endpoint, err)
	}
	return conn, nil
}

// Read reads a report with so many traces.
func (r *Reader) Read(ctx context.Context, traces int) (*Report, error) {
	report := &Report{}
	for _, part := range []struct {
		what string
		read func(context.Context, *Report) error
	}{
		{"the stored rows", r.readStored},
		{"the slowest traces", func(ctx context.Context, report *Report) error { return r.readTraces(ctx, report, traces) }},
		{"the routes", r.readRoutes},
		{"the runtime metrics", r.readRuntimes},
	} {
		if err := part.read(ctx, report); err != nil {
			return nil, fmt.Errorf("reading %s: %w", part.what, err)
		}
	}
	return report, nil
}

// ServerSpans counts the spans of servers since the load began.
func (r *Reader) ServerSpans(ctx context.Context) (uint64, error) {
	var count uint64
	if err := r.Conn.QueryRow(ctx, serverSpansSQL, r.since()).Scan(&count); err != nil {
		return 0, fmt.Errorf("counting spans: %w", err)
	}
	return count, nil
}

// Observed tells which of the services have a server span with a time ledger.
func (r *Reader) Observed(ctx context.Context) (map[string]bool, error) {
	observed := map[string]bool{}
	err := r.each(ctx, observedSQL, func(rows driver.Rows) error {
		var service string
		err := rows.Scan(&service)
		observed[service] = true
		return err
	})
	return observed, err
}

func (r *Reader) readStored(ctx context.Context, report *Report) error {
	return r.Conn.QueryRow(ctx, storedSQL, r.since()).Scan(&report.Spans, &report.Logs, &report.Points)
}

func (r *Reader) readRoutes(ctx context.Context, report *Report) error {
	return r.each(ctx, routesSQL(), func(rows driver.Rows) error {
		var route Route
		var made bool
		var p50, p99 uint64
		var times []uint64
		err := rows.Scan(&route.Service, &route.Name, &made, &route.Count, &route.WithoutLedger, &p50, &p99, &times)
		route.P50, route.P99 = time.Duration(p50), time.Duration(p99)
		route.Maker, route.Ledger = maker(made), toLedger(times)
		report.Routes = append(report.Routes, route)
		return err
	})
}

// each runs a query and hands each row on.
func (r *Reader) each(ctx context.Context, query string, row func(driver.Rows) error, more ...any) (err error) {
	arguments := append([]any{
		r.since(),
		clickhouse.Named("receiver", receiverScope),
		clickhouse.Named("prefix", ledger.AttributePrefix),
		clickhouse.Named("services", r.Services),
	}, more...)
	rows, err := r.Conn.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *Reader) since() any { return clickhouse.Named("since", r.Since.UnixNano()) }

func maker(receiver bool) Maker {
	if receiver {
		return Fathom
	}
	return SDK
}

func toLedger(times []uint64) (l ledger.Ledger) {
	copy(l[:], times)
	return l
}
