CREATE TABLE IF NOT EXISTS `otel`.`fathom_time_ledger`  (
    `Timestamp` DateTime64(9) COMMENT 'Start of the span' CODEC(Delta(8), ZSTD(1)),
    `TraceId` String CODEC(ZSTD(1)),
    `SpanId` String CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `SpanName` LowCardinality(String) CODEC(ZSTD(1)),
    `SpanKind` LowCardinality(String) CODEC(ZSTD(1)),
    `Route` LowCardinality(String) COMMENT 'http.route' CODEC(ZSTD(1)),
    `StatusCode` LowCardinality(String) CODEC(ZSTD(1)),
    `Duration` UInt64 COMMENT 'Of the span, in ns' CODEC(ZSTD(1)),
    `Source` LowCardinality(String) COMMENT 'fathom.time.source: exact or sampled' CODEC(ZSTD(1)),
    `Dominant` LowCardinality(String) COMMENT 'fathom.time.dominant' CODEC(ZSTD(1)),
    `OnCpu` UInt64 COMMENT 'fathom.time.on_cpu, in ns' CODEC(T64, ZSTD(1)),
    `Runnable` UInt64 COMMENT 'fathom.time.runnable, in ns' CODEC(T64, ZSTD(1)),
    `OsRunqueue` UInt64 COMMENT 'fathom.time.os_runqueue, in ns' CODEC(T64, ZSTD(1)),
    `SyscallFile` UInt64 COMMENT 'fathom.time.syscall.file, in ns' CODEC(T64, ZSTD(1)),
    `SyscallNetwork` UInt64 COMMENT 'fathom.time.syscall.network, in ns' CODEC(T64, ZSTD(1)),
    `SyscallOther` UInt64 COMMENT 'fathom.time.syscall.other, in ns' CODEC(T64, ZSTD(1)),
    `BlockedNetwork` UInt64 COMMENT 'fathom.time.blocked.network, in ns' CODEC(T64, ZSTD(1)),
    `BlockedChannel` UInt64 COMMENT 'fathom.time.blocked.channel, in ns' CODEC(T64, ZSTD(1)),
    `BlockedSelect` UInt64 COMMENT 'fathom.time.blocked.select, in ns' CODEC(T64, ZSTD(1)),
    `BlockedMutex` UInt64 COMMENT 'fathom.time.blocked.mutex, in ns' CODEC(T64, ZSTD(1)),
    `BlockedSync` UInt64 COMMENT 'fathom.time.blocked.sync, in ns' CODEC(T64, ZSTD(1)),
    `Sleep` UInt64 COMMENT 'fathom.time.sleep, in ns' CODEC(T64, ZSTD(1)),
    `GcAssist` UInt64 COMMENT 'fathom.time.gc_assist, in ns' CODEC(T64, ZSTD(1)),
    `StopTheWorld` UInt64 COMMENT 'fathom.time.stop_the_world, in ns' CODEC(T64, ZSTD(1)),
    `Unattributed` UInt64 COMMENT 'fathom.time.unattributed, in ns' CODEC(T64, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree()
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))

SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS `otel`.`fathom_time_ledger_mv` 
TO `otel`.`fathom_time_ledger`
AS SELECT
    Timestamp,
    TraceId,
    SpanId,
    ServiceName,
    SpanName,
    SpanKind,
    ifNull(toString(`SpanAttributes`.`http.route`), '') AS Route,
    StatusCode,
    Duration,
    ifNull(toString(`SpanAttributes`.`fathom.time.source`), '') AS Source,
    ifNull(toString(`SpanAttributes`.`fathom.time.dominant`), '') AS Dominant,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.on_cpu`), '')) AS OnCpu,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.runnable`), '')) AS Runnable,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.os_runqueue`), '')) AS OsRunqueue,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.syscall.file`), '')) AS SyscallFile,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.syscall.network`), '')) AS SyscallNetwork,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.syscall.other`), '')) AS SyscallOther,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.blocked.network`), '')) AS BlockedNetwork,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.blocked.channel`), '')) AS BlockedChannel,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.blocked.select`), '')) AS BlockedSelect,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.blocked.mutex`), '')) AS BlockedMutex,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.blocked.sync`), '')) AS BlockedSync,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.sleep`), '')) AS Sleep,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.gc_assist`), '')) AS GcAssist,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.stop_the_world`), '')) AS StopTheWorld,
    toUInt64OrZero(ifNull(toString(`SpanAttributes`.`fathom.time.unattributed`), '')) AS Unattributed
FROM `otel`.`otel_traces`
WHERE ifNull(toString(`SpanAttributes`.`fathom.time.source`), '') != '';

CREATE TABLE IF NOT EXISTS `otel`.`fathom_red`  (
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
) ENGINE = AggregatingMergeTree()
PARTITION BY toDate(Minute)
ORDER BY (ServiceName, SpanKind, Route, Method, Minute)

SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS `otel`.`fathom_red_mv` 
TO `otel`.`fathom_red`
AS SELECT
    toStartOfMinute(toDateTime(Timestamp)) AS Minute,
    ServiceName,
    SpanKind,
    ifNull(toString(`SpanAttributes`.`http.request.method`), '') AS Method,
    if(ifNull(toString(`SpanAttributes`.`http.route`), '') = '', SpanName, ifNull(toString(`SpanAttributes`.`http.route`), '')) AS Route,
    count() AS Requests,
    countIf(StatusCode = 'Error') AS Errors,
    sum(Duration) AS DurationSum,
    max(Duration) AS DurationMax,
    quantilesTDigestState(0.5, 0.9, 0.95, 0.99)(Duration) AS DurationQuantiles
FROM `otel`.`otel_traces`
WHERE SpanKind IN ('Server', 'Consumer')
GROUP BY Minute, ServiceName, SpanKind, Method, Route;

CREATE VIEW IF NOT EXISTS `otel`.`fathom_service_map` 
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
        multiIf(ifNull(toString(`SpanAttributes`.`db.system.name`), '') != '', ifNull(toString(`SpanAttributes`.`db.system.name`), ''),
            ifNull(toString(`SpanAttributes`.`db.system`), '') != '', ifNull(toString(`SpanAttributes`.`db.system`), ''),
            ifNull(toString(`SpanAttributes`.`messaging.system`), '')) AS Server,
        if(ifNull(toString(`SpanAttributes`.`messaging.system`), '') = '', 'database', 'messaging') AS Kind,
        StatusCode,
        Duration
    FROM `otel`.`otel_traces`
    WHERE Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND SpanKind IN ('Client', 'Producer')
        AND Server != ''
)
GROUP BY Client, Server, Kind;
