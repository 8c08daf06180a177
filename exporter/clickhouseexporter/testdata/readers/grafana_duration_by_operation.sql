-- A time series of a dashboard, by service and span.
SELECT toStartOfInterval(Timestamp, INTERVAL 60 second) AS "time", ServiceName, SpanName,
    quantileExact(0.99)(Duration) / 1000000 AS p99_ms, countIf(StatusCode = 'Error') AS errors
FROM "otel"."otel_traces"
WHERE (Timestamp >= $__fromTime AND Timestamp <= $__toTime) AND SpanKind = 'Server'
GROUP BY ServiceName, SpanName, time
ORDER BY time ASC
LIMIT 1000
