// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// readTraces picks the traces and reads their spans and what these did to files.
func (r *Reader) readTraces(ctx context.Context, report *Report, limit int) error {
	var ids []string
	err := r.each(ctx, slowestSQL, func(rows driver.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, clickhouse.Named("traces", limit))
	if err != nil || len(ids) == 0 {
		return err
	}
	chosen := clickhouse.Named("ids", ids)
	spans, err := r.readSpans(ctx, chosen)
	if err != nil {
		return err
	}
	if err := r.readFiles(ctx, chosen, spans); err != nil {
		return err
	}
	for _, id := range ids {
		report.Traces = append(report.Traces, Trace{ID: id, Roots: grow(spans[id])})
	}
	return nil
}

// readSpans reads the chosen traces' spans, by trace.
func (r *Reader) readSpans(ctx context.Context, chosen any) (map[string][]*Span, error) {
	spans := map[string][]*Span{}
	err := r.each(ctx, spansSQL(), func(rows driver.Rows) error {
		s := &Span{}
		var start int64
		var duration, gc, stop uint64
		var made bool
		var times []uint64
		err := rows.Scan(&s.TraceID, &s.ID, &s.ParentID, &s.Name, &s.Kind, &s.Service,
			&start, &duration, &s.Failed, &made, &s.HasLedger, &times, &gc, &s.GCCycle, &stop)
		s.Start, s.Duration = time.Unix(0, start).UTC(), time.Duration(duration)
		s.Maker, s.Ledger = maker(made), toLedger(times)
		s.GCOverlap, s.StopOverlap = time.Duration(gc), time.Duration(stop)
		spans[s.TraceID] = append(spans[s.TraceID], s)
		return err
	}, chosen)
	return spans, err
}

// readFiles adds to each span what it did to files.
func (r *Reader) readFiles(ctx context.Context, chosen any, spans map[string][]*Span) error {
	return r.each(ctx, filesSQL, func(rows driver.Rows) error {
		var traceID, spanID string
		var open bool
		var took uint64
		file := File{Operation: "fsync"}
		if err := rows.Scan(&traceID, &spanID, &open, &file.Path, &file.Times, &took); err != nil {
			return err
		}
		if open {
			file.Operation = "open"
		}
		file.Duration = time.Duration(took)
		for _, s := range spans[traceID] {
			if s.ID == spanID {
				s.Files = append(s.Files, file)
			}
		}
		return nil
	}, chosen)
}
