CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
    `Timestamp` DateTime64(9) CODEC(Delta, ZSTD(1)),
    `ProfileId` String CODEC(ZSTD(1)),
    `SampleType` LowCardinality(String) CODEC(ZSTD(1)),
    `SampleUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeName` String CODEC(ZSTD(1)),
    `ScopeVersion` String CODEC(ZSTD(1)),
    `ProfileAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `SampleAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StackHash` UInt64 CODEC(ZSTD(1)),
    `Addresses` Array(UInt64) CODEC(ZSTD(1)),
    `FunctionNames` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `FileNames` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `LineNumbers` Array(Int32) CODEC(ZSTD(1)),
    `MappingFileNames` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `Values` Array(Int64) CODEC(ZSTD(1)),
    `TimestampsUnixNano` Array(UInt64) CODEC(ZSTD(1)),
    `DurationNano` UInt64 CODEC(ZSTD(1)),
    `Period` Int64 CODEC(ZSTD(1)),
    `PeriodType` LowCardinality(String) CODEC(ZSTD(1)),
    `PeriodUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `TraceId` String CODEC(ZSTD(1)),
    `SpanId` String CODEC(ZSTD(1)),
    {{- range list "k8s.cluster.name" "k8s.container.name" "k8s.deployment.name" "k8s.namespace.name" "k8s.node.name" "k8s.pod.name" "k8s.pod.uid" "deployment.environment.name" "service.namespace" "service.instance.id"}}
    `__otel_materialized_{{.}}` LowCardinality(String) MATERIALIZED ResourceAttributes['{{.}}'] CODEC(ZSTD(1)),
    {{- end}}
    {{- if .TextIndex}}
    INDEX idx_profile_id ProfileId TYPE text(tokenizer = 'array'),
    INDEX idx_trace_id TraceId TYPE text(tokenizer = 'array'),
    {{- template "text_map" list "res_attr" "ResourceAttributes"}}
    {{- template "text_map" list "sample_attr" "SampleAttributes"}}
    INDEX idx_function_names FunctionNames TYPE text(tokenizer = 'splitByNonAlpha')
    {{- else}}
    INDEX idx_profile_id ProfileId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    {{- template "bloom_map" list "res_attr" "ResourceAttributes"}}
    {{- template "bloom_map" list "sample_attr" "SampleAttributes"}}
    INDEX idx_function_names FunctionNames TYPE bloom_filter(0.01) GRANULARITY 1
    {{- end}}
) ENGINE = {{.Engine}}
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SampleType, toDateTime(Timestamp))
{{ttl .Retention "toDateTime(Timestamp)"}}
{{settings .}}
