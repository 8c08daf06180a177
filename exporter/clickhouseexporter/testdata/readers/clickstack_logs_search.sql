-- Search over log records, by the column that ClickStack adds for it.
SELECT Timestamp, ServiceName, SeverityText, Body
FROM otel.otel_logs
WHERE (TimestampTime >= fromUnixTimestamp64Milli(1772366400000) AND TimestampTime <= fromUnixTimestamp64Milli(1772370000000))
    AND (hasToken(lower(Body), lower('declined')) AND ServiceName = 'payment')
ORDER BY TimestampTime DESC, Timestamp DESC
LIMIT 200
