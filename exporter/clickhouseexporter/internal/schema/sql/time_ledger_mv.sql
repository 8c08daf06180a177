CREATE MATERIALIZED VIEW IF NOT EXISTS {{ident .Database (print .Table "_mv")}} {{.Cluster}}
TO {{ident .Database .Table}}
AS SELECT
    Timestamp,
    TraceId,
    SpanId,
    ServiceName,
    SpanName,
    SpanKind,
    {{.Attribute "SpanAttributes" "http.route"}} AS Route,
    StatusCode,
    Duration,
    {{.Attribute "SpanAttributes" "fathom.time.source"}} AS Source,
    {{.Attribute "SpanAttributes" "fathom.time.dominant"}} AS Dominant
    {{- range causes}},
    toUInt64OrZero({{$.Attribute "SpanAttributes" .Attribute}}) AS {{.Column}}
    {{- end}}
FROM {{ident .Database .Source}}
WHERE {{.Attribute "SpanAttributes" "fathom.time.source"}} != ''
