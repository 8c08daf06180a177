// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// differing is data that contrib's exporter stores wrong, or not at all.
type differing struct {
	// name is that in the table of the README.
	name string
	data batch
	// query says what is stored.
	query string
	// contrib and fathom are what the query returns: nothing where no row is
	// stored.
	contrib, fathom string
	// failure is in contrib's error, for data that it does not store.
	failure string
	// json is in JSON columns.
	json bool
}

func differences() []differing {
	const span, record, point = "SELECT %s FROM otel_traces", "SELECT %s FROM otel_logs", "SELECT %s FROM otel_metrics_gauge"
	selected := func(from, what string) string { return strings.Replace(from, "%s", what+" AS it", 1) }
	return []differing{
		{
			name:    "span that ends before it starts",
			data:    aSpan(func(s ptrace.Span) { s.SetStartTimestamp(at(1)); s.SetEndTimestamp(at(0)) }),
			query:   selected(span, "Duration"),
			contrib: "18446744072709551616", fathom: "0",
		},
		{
			name:    "span that starts after 2262",
			data:    aSpan(func(s ptrace.Span) { s.SetStartTimestamp(math.MaxUint64); s.SetEndTimestamp(math.MaxUint64) }),
			query:   selected(span, "toString(Timestamp)"),
			contrib: "1969-12-31 23:59:59.999999999", fathom: "2262-04-11 23:47:16.854775807",
		},
		{
			name:    "severity number beyond a UInt8",
			data:    aRecord(func(r plog.LogRecord) { r.SetSeverityNumber(256 + 9) }),
			query:   selected(record, "SeverityNumber"),
			contrib: "9", fathom: "0",
		},
		{
			name:    "negative severity number",
			data:    aRecord(func(r plog.LogRecord) { r.SetSeverityNumber(-1) }),
			query:   selected(record, "SeverityNumber"),
			contrib: "255", fathom: "0",
		},
		{
			name:    "point of a metric after 2106",
			data:    aGauge(func(p pmetric.NumberDataPoint) { p.SetTimestamp(math.MaxInt64) }),
			query:   selected(point, "toString(TimeUnix)"),
			contrib: "1990-01-27 10:50:44", fathom: "2106-02-07 06:28:15",
		},
		{
			name:   "metric without a type among others",
			data:   withUntyped(aGauge(func(p pmetric.NumberDataPoint) { p.SetIntValue(7) })),
			query:  selected(point, "Value"),
			fathom: "7", failure: "metrics type is unset",
		},
		{
			name:   "`json`: number that JSON does not have",
			data:   aSpan(func(s ptrace.Span) { s.Attributes().PutDouble("ratio", math.NaN()) }),
			query:  selected(span, "toString(SpanAttributes)"),
			fathom: `{\"ratio\":\"NaN\"}`, failure: "unsupported value: NaN", json: true,
		},
		{
			name: "`json`: attributes with the same path",
			data: aSpan(func(s ptrace.Span) {
				s.Attributes().PutInt("a.b", 2)
				s.Attributes().PutEmptyMap("a").PutInt("b", 1)
			}),
			query:  selected(span, "toString(SpanAttributes)"),
			fathom: `{\"a\":{\"b\":1}}`, failure: "Duplicate path", json: true,
		},
	}
}

// TestDifferences stores by each exporter what contrib's stores wrong, and looks at
// the rows. When contrib's learns to do it right, this says so.
func TestDifferences(t *testing.T) {
	engine := enginetest.Start(t)
	db := open(t, engine)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, side := range []string{contrib, fathom} {
		createTables(t, side, engine, side, nil)
		createTables(t, side, engine, side+"_json", map[string]any{"json": true})
	}
	for _, c := range differences() {
		t.Run(c.name, func(t *testing.T) {
			assert.Contains(t, string(readme), "\n| "+c.name+" |")
			for _, side := range []string{contrib, fathom} {
				database := side
				if c.json {
					database += "_json"
				}
				for _, table := range tables() {
					require.NoError(t, db.Exec(t.Context(), "TRUNCATE TABLE "+database+"."+table))
				}
				failed := start(t, side, engine, map[string]any{"database": database, "json": c.json}).send(t.Context(), c.data)
				require.Len(t, failed, 1)
				stored := db.text(t, strings.Replace(c.query, "FROM ", "FROM "+database+".", 1))
				stored = strings.TrimSuffix(strings.TrimPrefix(stored, "it=\""), "\" \n")
				t.Logf("%s: stored %q, error: %v", side, stored, failed[0])
				if side == fathom {
					assert.Equal(t, c.fathom, stored)
					continue
				}
				assert.Equal(t, c.contrib, stored)
				if c.failure == "" {
					assert.NoError(t, failed[0])
					continue
				}
				require.ErrorContains(t, failed[0], c.failure)
				assert.False(t, consumererror.IsPermanent(failed[0]), "it is tried again for 300 s")
			}
		})
	}
	assert.Equal(t, len(differences()), strings.Count(string(readme), "\n| ")-strings.Count(string(readme), "\n| profile")-1,
		"rows of the README's table, but for its head and those of TestHostileIndices")
}

func aSpan(fill func(ptrace.Span)) batch {
	traces := ptrace.NewTraces()
	fill(traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty())
	return batch{traces: []ptrace.Traces{traces}}
}

func aRecord(fill func(plog.LogRecord)) batch {
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(at(0))
	fill(record)
	return batch{logs: []plog.Logs{logs}}
}

func aGauge(fill func(pmetric.NumberDataPoint)) batch {
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	fill(metric.SetEmptyGauge().DataPoints().AppendEmpty())
	return batch{metrics: []pmetric.Metrics{metrics}}
}

func withUntyped(data batch) batch {
	data.metrics[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty().SetName("no type")
	return data
}
