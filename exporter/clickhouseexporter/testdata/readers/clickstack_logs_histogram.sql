-- The histogram over a search.
SELECT count() AS n, SeverityText, toStartOfInterval(toDateTime(TimestampTime), INTERVAL 1 minute) AS `__hdx_time_bucket`
FROM otel.otel_logs
WHERE (TimestampTime >= fromUnixTimestamp64Milli(1772366400000) AND TimestampTime <= fromUnixTimestamp64Milli(1772370000000))
GROUP BY SeverityText, toStartOfInterval(toDateTime(TimestampTime), INTERVAL 1 minute) AS `__hdx_time_bucket`
ORDER BY toStartOfInterval(toDateTime(TimestampTime), INTERVAL 1 minute) AS `__hdx_time_bucket`
LIMIT 100000
