-- The logs panel: the time first, then the line, with what the panel links to.
SELECT Timestamp AS "timestamp", Body AS "body", SeverityText AS "level", TraceId AS "traceID",
    ResourceAttributes AS "labels"
FROM "otel"."otel_logs"
WHERE (timestamp >= $__fromTime AND timestamp <= $__toTime) AND (body LIKE '%declined%')
ORDER BY timestamp DESC
LIMIT 1000
