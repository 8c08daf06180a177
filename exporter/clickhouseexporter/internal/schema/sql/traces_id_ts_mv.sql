CREATE MATERIALIZED VIEW IF NOT EXISTS {{ident .Database (print .Table "_trace_id_ts_mv")}} {{.Cluster}}
TO {{ident .Database (print .Table "_trace_id_ts")}}
AS SELECT
    TraceId,
    min(Timestamp) AS Start,
    max(Timestamp) AS End
FROM {{ident .Database .Table}}
WHERE TraceId != ''
GROUP BY TraceId
