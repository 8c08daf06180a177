CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
    `Timestamp` DateTime64(9) COMMENT 'Event timestamp with nanosecond precision' CODEC(Delta(8), ZSTD(1)),
    `TraceId` String COMMENT 'W3C trace identifier' CODEC(ZSTD(1)),
    `SpanId` String COMMENT 'W3C span identifier' CODEC(ZSTD(1)),
    `TraceFlags` UInt8 COMMENT 'W3C trace flags',
    `SeverityText` LowCardinality(String) COMMENT 'Log severity as text' CODEC(ZSTD(1)),
    `SeverityNumber` UInt8 COMMENT 'Log severity as number (1-24)',
    `ServiceName` LowCardinality(String) COMMENT 'Service that emitted the log' CODEC(ZSTD(1)),
    `Body` String COMMENT 'Log message body' CODEC(ZSTD(1)),
    `ResourceSchemaUrl` LowCardinality(String) COMMENT 'Schema URL for the resource' CODEC(ZSTD(1)),
    `ResourceAttributes` Map(LowCardinality(String), String) COMMENT 'Resource attributes as key-value pairs' CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) COMMENT 'Schema URL for the instrumentation scope' CODEC(ZSTD(1)),
    `ScopeName` String COMMENT 'Instrumentation scope name' CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) COMMENT 'Instrumentation scope version' CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) COMMENT 'Instrumentation scope attributes' CODEC(ZSTD(1)),
    `LogAttributes` Map(LowCardinality(String), String) COMMENT 'Log record attributes' CODEC(ZSTD(1)),
    `EventName` String COMMENT 'Event name for log records representing events' CODEC(ZSTD(1)),
    {{- range list "k8s.cluster.name" "k8s.container.name" "k8s.deployment.name" "k8s.namespace.name" "k8s.node.name" "k8s.pod.name" "k8s.pod.uid" "deployment.environment.name"}}
    `__otel_materialized_{{.}}` LowCardinality(String) MATERIALIZED ResourceAttributes['{{.}}'] CODEC(ZSTD(1)),
    {{- end}}
    {{- if .TextIndex}}
    INDEX idx_trace_id TraceId TYPE text(tokenizer = 'array'),
    {{- template "text_map" list "res_attr" "ResourceAttributes"}}
    {{- template "text_map" list "scope_attr" "ScopeAttributes"}}
    {{- template "text_map" list "log_attr" "LogAttributes"}}
    INDEX idx_lower_body lower(Body) TYPE text(tokenizer = 'splitByNonAlpha')
    {{- else}}
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    {{- template "bloom_map" list "res_attr" "ResourceAttributes"}}
    {{- template "bloom_map" list "scope_attr" "ScopeAttributes"}}
    {{- template "bloom_map" list "log_attr" "LogAttributes"}}
    INDEX idx_lower_body lower(Body) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
    {{- end}}
) ENGINE = {{.Engine}}
PARTITION BY toDate(Timestamp)
ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)
{{ttl .Retention "toDateTime(Timestamp)"}}
{{settings .}}
