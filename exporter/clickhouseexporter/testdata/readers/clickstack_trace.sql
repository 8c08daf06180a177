-- One trace as a waterfall.
SELECT Body, Timestamp, round(Duration / 1e6, 3) AS duration_ms, SpanId, ParentSpanId, ServiceName, StatusCode,
    StatusMessage, SpanKind, SpanAttributes, `Events.Name` AS events
FROM (SELECT *, SpanName AS Body FROM otel.otel_traces)
WHERE TraceId = '5b8efff798038103d269b633813fc60c'
    AND Timestamp >= fromUnixTimestamp64Milli(1772366400000) AND Timestamp <= fromUnixTimestamp64Milli(1772370000000)
ORDER BY Timestamp ASC
LIMIT 1000
