-- The list of traces: root spans in the time range, the newest first.
SELECT "TraceId" AS traceID, "ServiceName" AS serviceName, "SpanName" AS operationName,
    "Timestamp" AS startTime, multiply("Duration", 0.000001) AS duration
FROM "otel"."otel_traces"
WHERE (Timestamp >= $__fromTime AND Timestamp <= $__toTime) AND (ParentSpanId = '') AND (Duration > 0)
ORDER BY Timestamp DESC, Duration DESC
LIMIT 1000
