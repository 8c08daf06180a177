-- The histogram above the logs panel: records by minute and level, however that is written.
SELECT toStartOfInterval("timestamp", INTERVAL 1 MINUTE) AS "time",
    sum(toString("level") IN ('critical', 'fatal', 'CRITICAL', 'FATAL', 'Critical', 'Fatal')) AS critical,
    sum(toString("level") IN ('error', 'ERROR', 'Error')) AS error,
    sum(toString("level") IN ('warn', 'warning', 'WARN', 'WARNING', 'Warn', 'Warning')) AS warn,
    sum(toString("level") IN ('info', 'INFO', 'Info')) AS info
FROM (SELECT Timestamp AS "timestamp", SeverityText AS "level" FROM "otel"."otel_logs")
WHERE "timestamp" >= $__fromTime AND "timestamp" <= $__toTime
GROUP BY "time"
ORDER BY "time" ASC
