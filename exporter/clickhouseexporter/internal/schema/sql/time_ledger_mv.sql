CREATE MATERIALIZED VIEW IF NOT EXISTS {{ident .Database (print .Table "_mv")}} {{.Cluster}}
TO {{ident .Database .Table}}
AS SELECT
    Timestamp,
    TraceId,
    SpanId,
    ServiceName,
    SpanName,
    SpanKind,
    SpanAttributes['http.route'] AS Route,
    StatusCode,
    Duration,
    SpanAttributes['fathom.time.source'] AS Source,
    SpanAttributes['fathom.time.dominant'] AS Dominant
    {{- range causes}},
    toUInt64OrZero(SpanAttributes['{{.Attribute}}']) AS {{.Column}}
    {{- end}}
FROM {{ident .Database .Source}}
WHERE SpanAttributes['fathom.time.source'] != ''
