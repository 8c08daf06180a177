-- The services page: throughput, errors and latency of what a service serves.
SELECT ServiceName, SpanName, count() AS n, countIf(StatusCode = 'Error') AS errors,
    quantileExact(0.95)(Duration) / 1e6 AS p95_ms, `__hdx_materialized_http.route` AS route
FROM otel.otel_traces
WHERE SpanKind IN ('Server', 'SPAN_KIND_SERVER')
    AND Timestamp >= fromUnixTimestamp64Milli(1772366400000) AND Timestamp <= fromUnixTimestamp64Milli(1772370000000)
GROUP BY ServiceName, SpanName, route
