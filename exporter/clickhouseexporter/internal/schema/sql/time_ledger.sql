CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
    `Timestamp` DateTime64(9) COMMENT 'Start of the span' CODEC(Delta(8), ZSTD(1)),
    `TraceId` String CODEC(ZSTD(1)),
    `SpanId` String CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `SpanName` LowCardinality(String) CODEC(ZSTD(1)),
    `SpanKind` LowCardinality(String) CODEC(ZSTD(1)),
    `Route` LowCardinality(String) COMMENT 'http.route' CODEC(ZSTD(1)),
    `StatusCode` LowCardinality(String) CODEC(ZSTD(1)),
    `Duration` UInt64 COMMENT 'Of the span, in ns' CODEC(ZSTD(1)),
    `Source` LowCardinality(String) COMMENT 'fathom.time.source: exact or sampled' CODEC(ZSTD(1)),
    `Dominant` LowCardinality(String) COMMENT 'fathom.time.dominant' CODEC(ZSTD(1)),
    {{- range causes}}
    `{{.Column}}` UInt64 COMMENT '{{.Attribute}}, in ns' CODEC(T64, ZSTD(1)),
    {{- end}}
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = {{.Engine}}
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
{{ttl .Retention "toDateTime(Timestamp)"}}
{{settings .}}
