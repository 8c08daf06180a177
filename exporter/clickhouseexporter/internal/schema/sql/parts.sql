{{- /* Skip indexes over the keys and values of one Map column. */ -}}
{{define "bloom_map"}}
    INDEX idx_{{index . 0}}_key mapKeys({{index . 1}}) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_{{index . 0}}_value mapValues({{index . 1}}) TYPE bloom_filter(0.01) GRANULARITY 1,
{{- end}}
{{define "text_map"}}
    INDEX idx_{{index . 0}}_key mapKeys({{index . 1}}) TYPE text(tokenizer = 'array'),
    INDEX idx_{{index . 0}}_value mapValues({{index . 1}}) TYPE text(tokenizer = 'array'),
{{- end}}

{{- /* The columns with which every metric table begins. */ -}}
{{define "metric_head"}}CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ResourceSchemaUrl` String CODEC(ZSTD(1)),
    `ScopeName` String CODEC(ZSTD(1)),
    `ScopeVersion` String CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 CODEC(ZSTD(1)),
    `ScopeSchemaUrl` String CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricDescription` String CODEC(ZSTD(1)),
    `MetricUnit` String CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime CODEC(Delta, ZSTD(1)),
    `TimeUnix` DateTime CODEC(Delta, ZSTD(1)),
{{- end}}

{{define "exemplars"}}
    `Exemplars` Nested (
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime,
        Value Float64,
        SpanId String,
        TraceId String
    ) CODEC(ZSTD(1)),
{{- end}}

{{- /* The indexes and clauses with which every metric table ends. */ -}}
{{define "metric_tail"}}
    {{- template "bloom_map" list "res_attr" "ResourceAttributes"}}
    {{- template "bloom_map" list "scope_attr" "ScopeAttributes"}}
    {{- template "bloom_map" list "attr" "Attributes"}}
    INDEX idx_time_minmax TimeUnix TYPE minmax GRANULARITY 1
) ENGINE = {{.Engine}}
{{ttl .Retention "toDateTime(TimeUnix)"}}
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, toStartOfHour(TimeUnix), cityHash64(Attributes), TimeUnix)
{{settings .}}
{{- end}}
