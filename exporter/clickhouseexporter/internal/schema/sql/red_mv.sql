CREATE MATERIALIZED VIEW IF NOT EXISTS {{ident .Database (print .Table "_mv")}} {{.Cluster}}
TO {{ident .Database .Table}}
AS SELECT
    toStartOfMinute(toDateTime(Timestamp)) AS Minute,
    ServiceName,
    SpanKind,
    {{.Attribute "SpanAttributes" "http.request.method"}} AS Method,
    if({{.Attribute "SpanAttributes" "http.route"}} = '', SpanName, {{.Attribute "SpanAttributes" "http.route"}}) AS Route,
    count() AS Requests,
    countIf(StatusCode = 'Error') AS Errors,
    sum(Duration) AS DurationSum,
    max(Duration) AS DurationMax,
    quantilesTDigestState(0.5, 0.9, 0.95, 0.99)(Duration) AS DurationQuantiles
FROM {{ident .Database .Source}}
WHERE SpanKind IN ('Server', 'Consumer')
GROUP BY Minute, ServiceName, SpanKind, Method, Route
