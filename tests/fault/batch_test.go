// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// rowsPerBatch is how many rows a batch has in its table.
const rowsPerBatch = 20

// sendings are the batches that were sent, by their names.
type sendings map[string]*batch

// next is a batch of traces of its own name.
func (s sendings) next() *batch {
	b := &batch{name: fmt.Sprint("batch ", len(s)), table: "otel_traces", number: len(s)}
	s[b.name] = b
	return b
}

// batch is one request: its rows have its name, and numbers.
type batch struct {
	name, table string
	number      int
	accepted    bool
}

// column is where a table has the name of a batch.
func column(table string) string {
	return map[string]string{
		"otel_traces":        "SpanAttributes['batch']",
		"otel_logs":          "LogAttributes['batch']",
		"otel_metrics_gauge": "Attributes['batch']",
		"otel_metrics_sum":   "Attributes['batch']",
	}[table]
}

func (b *batch) traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for n := range rowsPerBatch {
		span := spans.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1, byte(b.number), byte(b.number >> 8), byte(b.number >> 16)})
		span.SetSpanID(pcommon.SpanID{1, byte(n)})
		span.SetName("work")
		span.SetStartTimestamp(moment)
		span.SetEndTimestamp(moment + 1)
		b.mark(span.Attributes(), n)
	}
	return traces
}

func (b *batch) logs() plog.Logs {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for n := range rowsPerBatch {
		record := records.AppendEmpty()
		record.SetTimestamp(moment)
		b.mark(record.Attributes(), n)
	}
	return logs
}

// metrics is a gauge or a sum, as the batch's table says.
func (b *batch) metrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("work")
	points := metric.SetEmptyGauge().DataPoints()
	if b.table == "otel_metrics_sum" {
		points = metric.SetEmptySum().DataPoints()
	}
	for n := range rowsPerBatch {
		point := points.AppendEmpty()
		point.SetTimestamp(moment)
		b.mark(point.Attributes(), n)
	}
	return metrics
}

func (b *batch) mark(attributes pcommon.Map, row int) {
	attributes.PutStr("batch", b.name)
	attributes.PutInt("row", int64(row))
}

// moment is when everything happened: one partition, so one part an INSERT.
var moment = pcommon.NewTimestampFromTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// compare counts what is stored of what was sent.
func (d database) compare(ctx context.Context, sent sendings) (report, error) {
	var r report
	found := map[string]int{}
	for _, table := range tablesOf(sent) {
		if err := d.count(ctx, table, found, &r); err != nil {
			return r, err
		}
	}
	for name, b := range sent {
		if b.accepted {
			r.accepted += rowsPerBatch
			r.lost += max(0, rowsPerBatch-found[name])
			continue
		}
		r.doubtful += rowsPerBatch
		if found[name] != 0 { // a request is stored whole, or not at all
			r.lost += max(0, rowsPerBatch-found[name])
		}
	}
	return r, nil
}

// count adds the rows of each batch in a table, and those that are there twice.
func (d database) count(ctx context.Context, table string, found map[string]int, r *report) error {
	name := column(table)
	row := name[:len(name)-len("'batch']")] + "'row']"
	rows, err := d.Query(ctx, "SELECT "+name+" AS batch, count(), uniqExact("+row+") FROM otel."+table+" GROUP BY batch")
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		var all, distinct uint64
		if err := rows.Scan(&name, &all, &distinct); err != nil {
			return err
		}
		found[name] = int(distinct)
		r.stored += int(all)
		r.duplicated += int(all - distinct)
	}
	if err := rows.Err(); err != nil || table != "otel_traces" {
		return err
	}
	// What a view made of an INSERT is there once, too: here, a row a trace.
	var all, traces uint64
	err = d.QueryRow(ctx, "SELECT count(), uniqExact(TraceId) FROM otel.otel_traces_trace_id_ts").Scan(&all, &traces)
	r.duplicated += int(all - traces)
	return err
}

func tablesOf(sent sendings) []string {
	used := map[string]bool{}
	var tables []string
	for _, b := range sent {
		if !used[b.table] {
			used[b.table] = true
			tables = append(tables, b.table)
		}
	}
	return tables
}
