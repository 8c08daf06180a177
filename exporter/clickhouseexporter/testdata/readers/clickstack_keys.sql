-- What there is to filter by: the roll-up of keys and values by quarter of an hour.
SELECT Timestamp, ColumnIdentifier, Key, Value, sum(Count) AS n
FROM otel.otel_logs_kv_rollup_15m
GROUP BY Timestamp, ColumnIdentifier, Key, Value
