CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
    `Minute` DateTime CODEC(Delta(4), ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `SpanKind` LowCardinality(String) CODEC(ZSTD(1)),
    `Method` LowCardinality(String) COMMENT 'http.request.method' CODEC(ZSTD(1)),
    `Route` LowCardinality(String) COMMENT 'http.route; the name of a span that has none' CODEC(ZSTD(1)),
    `Requests` SimpleAggregateFunction(sum, UInt64) CODEC(ZSTD(1)),
    `Errors` SimpleAggregateFunction(sum, UInt64) COMMENT 'Spans whose status is Error' CODEC(ZSTD(1)),
    `DurationSum` SimpleAggregateFunction(sum, UInt64) COMMENT 'In ns' CODEC(ZSTD(1)),
    `DurationMax` SimpleAggregateFunction(max, UInt64) COMMENT 'In ns' CODEC(ZSTD(1)),
    `DurationQuantiles` AggregateFunction(quantilesTDigest(0.5, 0.9, 0.95, 0.99), UInt64) COMMENT 'In ns' CODEC(ZSTD(1))
) ENGINE = {{.AggregatingEngine}}
PARTITION BY toDate(Minute)
ORDER BY (ServiceName, SpanKind, Route, Method, Minute)
{{ttl .Retention "Minute"}}
{{settings .}}
