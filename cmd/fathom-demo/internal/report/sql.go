// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

// receiverScope is the instrumentation scope of all that the eBPF receiver makes.
const receiverScope = "github.com/fathom-otel/fathom/receiver/ebpfreceiver"

// Attributes are stored as text: Map(LowCardinality(String), String).

func nanoseconds(attribute string) string {
	return fmt.Sprintf("toUInt64OrZero(SpanAttributes['%s'])", attribute)
}

// ledgerColumns is an array with an expression for each cause.
func ledgerColumns(format string) string {
	var columns []string
	for cause := range ledger.Cause(ledger.NumCauses) {
		columns = append(columns, fmt.Sprintf(format, nanoseconds(cause.Attribute())))
	}
	return "[" + strings.Join(columns, ", ") + "]"
}

// storedSQL counts rows since a time, told in nanoseconds.
const storedSQL = `
SELECT
    (SELECT count() FROM otel_traces WHERE Timestamp >= fromUnixTimestamp64Nano(@since)),
    (SELECT count() FROM otel_logs WHERE Timestamp >= fromUnixTimestamp64Nano(@since)),
    (SELECT count() FROM otel_metrics_gauge WHERE TimeUnix >= fromUnixTimestamp64Nano(@since))
  + (SELECT count() FROM otel_metrics_sum WHERE TimeUnix >= fromUnixTimestamp64Nano(@since))
  + (SELECT count() FROM otel_metrics_histogram WHERE TimeUnix >= fromUnixTimestamp64Nano(@since))`

const serverSpansSQL = `
SELECT count() FROM otel_traces
WHERE SpanKind = 'Server' AND Timestamp >= fromUnixTimestamp64Nano(@since)`

const observedSQL = `
SELECT DISTINCT ServiceName FROM otel_traces
WHERE SpanKind = 'Server' AND ServiceName IN (@services) AND Timestamp >= fromUnixTimestamp64Nano(@since)
  AND mapContains(SpanAttributes, '` + ledger.AttributeSource + `')`

// slowestSQL picks traces: the slowest of each culprit, the slowest culprit
// first, then the second ones. The culprit is the service and cause that took
// most time in a server span of the trace. What the first span waited for the
// network while a server span below it ran is that span's to explain.
const slowestSQL = `
WITH servers AS (
    SELECT TraceId, ParentSpanId = '' AS first, ServiceName, Duration, SpanAttributes
    FROM otel_traces
    WHERE SpanKind = 'Server' AND Timestamp >= fromUnixTimestamp64Nano(@since)
),
below AS (
    SELECT TraceId, sum(Duration) AS explained FROM servers WHERE NOT first GROUP BY TraceId
),
parts AS (
    SELECT TraceId, first, ServiceName, Duration,
           substring(name, length(@prefix) + 1) AS cause, toInt64OrZero(value) AS ns
    FROM servers
    ARRAY JOIN mapKeys(SpanAttributes) AS name, mapValues(SpanAttributes) AS value
    WHERE startsWith(name, @prefix) AND name NOT IN (@prefix || 'dominant', @prefix || 'source')
),
traces AS (
    SELECT TraceId, maxIf(Duration, first) AS duration,
           argMax((ServiceName, cause), ns - if(first AND cause = 'blocked.network', toInt64(explained), 0)) AS culprit
    FROM parts LEFT JOIN below USING TraceId
    GROUP BY TraceId
    HAVING duration > 0
)
SELECT TraceId
FROM (SELECT TraceId, duration, row_number() OVER (PARTITION BY culprit ORDER BY duration DESC) AS place FROM traces)
ORDER BY place, duration DESC
LIMIT @traces`

func spansSQL() string {
	return `
SELECT TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName,
       toUnixTimestamp64Nano(Timestamp), Duration, StatusCode = 'Error', ScopeName = @receiver,
       mapContains(SpanAttributes, '` + ledger.AttributeSource + `'),
       ` + ledgerColumns("%s") + `,
       ` + nanoseconds(events.GCOverlap) + `, ` + nanoseconds(events.GCCycleNumber) + `, ` + nanoseconds(events.StopTheWorldOverlap) + `
FROM otel_traces
WHERE TraceId IN (@ids) AND Timestamp >= fromUnixTimestamp64Nano(@since)
ORDER BY Timestamp, SpanId`
}

// filesSQL takes the events from the logs: there they are all, each once,
// whether their span came in time to carry them or not.
const filesSQL = `
SELECT TraceId, SpanId, EventName = '` + events.FileOpen + `', LogAttributes['` + events.FilePath + `'] AS path, count(),
       sum(toUInt64OrZero(LogAttributes['` + events.Duration + `'])) AS took
FROM otel_logs
WHERE EventName IN ('` + events.FileOpen + `', '` + events.FileFsync + `')
  AND TraceId IN (@ids) AND Timestamp >= fromUnixTimestamp64Nano(@since)
GROUP BY TraceId, SpanId, EventName, path
ORDER BY took DESC, path`

func routesSQL() string {
	return `
SELECT ServiceName, SpanName, ScopeName = @receiver AS made, count(),
       countIf(NOT mapContains(SpanAttributes, '` + ledger.AttributeSource + `')),
       toUInt64(quantileExact(0.5)(Duration)), toUInt64(quantileExact(0.99)(Duration)),
       ` + ledgerColumns("sum(%s)") + `
FROM otel_traces
WHERE SpanKind = 'Server' AND ServiceName IN (@services) AND Timestamp >= fromUnixTimestamp64Nano(@since)
GROUP BY ServiceName, SpanName, made
ORDER BY ServiceName, sum(Duration) DESC`
}

// numbersSQL is the last value of each series of a service, added up by name.
const numbersSQL = `
SELECT ServiceName, MetricName, Attributes['go.memory.type'] AS kind, sum(last), count()
FROM (
    SELECT ServiceName, MetricName, Attributes, argMax(Value, TimeUnix) AS last
    FROM (
        SELECT ServiceName, MetricName, Attributes, Value, TimeUnix, ScopeName FROM otel_metrics_gauge
        UNION ALL
        SELECT ServiceName, MetricName, Attributes, Value, TimeUnix, ScopeName FROM otel_metrics_sum
    )
    WHERE ScopeName = @receiver AND ServiceName IN (@services) AND TimeUnix >= fromUnixTimestamp64Nano(@since)
    GROUP BY ServiceName, MetricName, Attributes
)
GROUP BY ServiceName, MetricName, kind
ORDER BY ServiceName, MetricName, kind`

// schedulesSQL is the last histogram of how long goroutines waited when ready.
const schedulesSQL = `
SELECT ServiceName, argMax(ExplicitBounds, TimeUnix), argMax(BucketCounts, TimeUnix)
FROM otel_metrics_histogram
WHERE ScopeName = @receiver AND ServiceName IN (@services) AND MetricName = 'go.schedule.duration'
  AND TimeUnix >= fromUnixTimestamp64Nano(@since)
GROUP BY ServiceName`
