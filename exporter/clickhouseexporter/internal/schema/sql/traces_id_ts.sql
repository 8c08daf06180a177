CREATE TABLE IF NOT EXISTS {{ident .Database (print .Table "_trace_id_ts")}} {{.Cluster}} (
    `TraceId` String CODEC(ZSTD(1)),
    `Start` DateTime CODEC(Delta, ZSTD(1)),
    `End` DateTime CODEC(Delta, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = {{.Engine}}
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)
{{ttl .Retention "toDateTime(Start)"}}
{{settings .}}
