{{template "metric_head" .}}
    `Value` Float64 CODEC(ZSTD(1)),
    `Flags` UInt32 CODEC(ZSTD(1)),
{{- template "exemplars"}}
{{- template "metric_tail" .}}
