-- From a trace to its log records.
SELECT Timestamp AS "timestamp", Body AS "body", SeverityText AS "level", LogAttributes AS "labels", TraceId AS "traceID"
FROM "otel"."otel_logs"
WHERE traceID = '5b8efff798038103d269b633813fc60c' AND mapContains("labels", 'cart.id')
ORDER BY timestamp ASC
LIMIT 1000
