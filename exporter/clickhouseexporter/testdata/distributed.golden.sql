CREATE DATABASE IF NOT EXISTS `otel` ON CLUSTER `prod`;

CREATE TABLE IF NOT EXISTS `otel`.`fathom_schema_migrations` ON CLUSTER `prod` (
    `Table` String COMMENT 'The table that was migrated',
    `TableUuid` String COMMENT 'Its uuid in system.tables: a table that is made anew is migrated anew',
    `Version` UInt32 COMMENT 'The migration, in the order in which they follow one another',
    `Name` String COMMENT 'Its name',
    `How` LowCardinality(String) COMMENT 'created with the table, altered, or found as it leaves the table',
    `Statements` String COMMENT 'What was executed, if it altered the table',
    `By` String COMMENT 'Who recorded it',
    `At` DateTime64(3) DEFAULT now64(3) COMMENT 'When it was recorded'
) ENGINE = ReplicatedMergeTree()
ORDER BY (Table, Version, TableUuid);

CREATE TABLE IF NOT EXISTS `otel`.`otel_traces_local` ON CLUSTER `prod` (
    `Timestamp` DateTime64(9) CODEC(Delta, ZSTD(1)),
    `TraceId` String CODEC(ZSTD(1)),
    `SpanId` String CODEC(ZSTD(1)),
    `ParentSpanId` String CODEC(ZSTD(1)),
    `TraceState` String CODEC(ZSTD(1)),
    `SpanName` LowCardinality(String) CODEC(ZSTD(1)),
    `SpanKind` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeName` String CODEC(ZSTD(1)),
    `ScopeVersion` String CODEC(ZSTD(1)),
    `SpanAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `Duration` UInt64 CODEC(ZSTD(1)),
    `StatusCode` LowCardinality(String) CODEC(ZSTD(1)),
    `StatusMessage` String CODEC(ZSTD(1)),
    `Events` Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    `Links` Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = ReplicatedMergeTree()
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))

SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS `otel`.`otel_traces_local_trace_id_ts` ON CLUSTER `prod` (
    `TraceId` String CODEC(ZSTD(1)),
    `Start` DateTime CODEC(Delta, ZSTD(1)),
    `End` DateTime CODEC(Delta, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplicatedMergeTree()
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)

SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS `otel`.`otel_traces_local_trace_id_ts_mv` ON CLUSTER `prod`
TO `otel`.`otel_traces_local_trace_id_ts`
AS SELECT
    TraceId,
    min(Timestamp) AS Start,
    max(Timestamp) AS End
FROM `otel`.`otel_traces_local`
WHERE TraceId != ''
GROUP BY TraceId;

CREATE TABLE IF NOT EXISTS `otel`.`fathom_red_local` ON CLUSTER `prod` (
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
) ENGINE = ReplicatedAggregatingMergeTree()
PARTITION BY toDate(Minute)
ORDER BY (ServiceName, SpanKind, Route, Method, Minute)

SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS `otel`.`fathom_red_local_mv` ON CLUSTER `prod`
TO `otel`.`fathom_red_local`
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
FROM `otel`.`otel_traces_local`
WHERE SpanKind IN ('Server', 'Consumer')
GROUP BY Minute, ServiceName, SpanKind, Method, Route;

CREATE TABLE IF NOT EXISTS `otel`.`otel_traces` ON CLUSTER `prod`
AS `otel`.`otel_traces_local`
ENGINE = Distributed('prod', 'otel', 'otel_traces_local', cityHash64(TraceId));

CREATE TABLE IF NOT EXISTS `otel`.`otel_traces_trace_id_ts` ON CLUSTER `prod`
AS `otel`.`otel_traces_local_trace_id_ts`
ENGINE = Distributed('prod', 'otel', 'otel_traces_local_trace_id_ts');

CREATE TABLE IF NOT EXISTS `otel`.`fathom_red` ON CLUSTER `prod`
AS `otel`.`fathom_red_local`
ENGINE = Distributed('prod', 'otel', 'fathom_red_local');

CREATE VIEW IF NOT EXISTS `otel`.`fathom_service_map` ON CLUSTER `prod`
AS SELECT
    Client,
    Server,
    Kind,
    count() AS Requests,
    countIf(StatusCode = 'Error') AS Errors,
    quantilesTDigest(0.5, 0.9, 0.95, 0.99)(Duration) AS DurationQuantiles
FROM (
    SELECT
        parent.ServiceName AS Client,
        child.ServiceName AS Server,
        'service' AS Kind,
        child.StatusCode AS StatusCode,
        child.Duration AS Duration
    FROM (
        SELECT TraceId, ParentSpanId, ServiceName, StatusCode, Duration
        FROM `otel`.`otel_traces`
        WHERE Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND ParentSpanId != ''
    ) AS child
    INNER JOIN (
        SELECT TraceId, SpanId, ServiceName
        FROM `otel`.`otel_traces`
        WHERE Timestamp >= {from:DateTime} - toIntervalHour(1) AND Timestamp < {to:DateTime}
    ) AS parent ON child.TraceId = parent.TraceId AND child.ParentSpanId = parent.SpanId
    WHERE child.ServiceName != parent.ServiceName
    UNION ALL
    SELECT
        ServiceName AS Client,
        multiIf(SpanAttributes['db.system.name'] != '', SpanAttributes['db.system.name'],
            SpanAttributes['db.system'] != '', SpanAttributes['db.system'],
            SpanAttributes['messaging.system']) AS Server,
        if(SpanAttributes['messaging.system'] = '', 'database', 'messaging') AS Kind,
        StatusCode,
        Duration
    FROM `otel`.`otel_traces`
    WHERE Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND SpanKind IN ('Client', 'Producer')
        AND Server != ''
)
GROUP BY Client, Server, Kind;

INSERT INTO `otel`.`otel_traces`;

