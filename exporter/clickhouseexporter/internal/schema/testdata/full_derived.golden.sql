CREATE TABLE IF NOT EXISTS `tele\`metry`.`rates` ON CLUSTER `prod\`1` (
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
) ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/{shard}', '{replica}')
PARTITION BY toDate(Minute)
ORDER BY (ServiceName, SpanKind, Route, Method, Minute)
TTL Minute + toIntervalDay(1) TO VOLUME 'co\'ld', Minute + toIntervalDay(3)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, storage_policy = 'tie\'red';

CREATE MATERIALIZED VIEW IF NOT EXISTS `tele\`metry`.`rates_mv` ON CLUSTER `prod\`1`
TO `tele\`metry`.`rates`
AS SELECT
    toStartOfMinute(toDateTime(Timestamp)) AS Minute,
    ServiceName,
    SpanKind,
    SpanAttributes['http.request.method'] AS Method,
    if(SpanAttributes['http.route'] = '', SpanName, SpanAttributes['http.route']) AS Route,
    count() AS Requests,
    countIf(StatusCode = 'Error') AS Errors,
    sum(Duration) AS DurationSum,
    max(Duration) AS DurationMax,
    quantilesTDigestState(0.5, 0.9, 0.95, 0.99)(Duration) AS DurationQuantiles
FROM `tele\`metry`.`spans`
WHERE SpanKind IN ('Server', 'Consumer')
GROUP BY Minute, ServiceName, SpanKind, Method, Route;
