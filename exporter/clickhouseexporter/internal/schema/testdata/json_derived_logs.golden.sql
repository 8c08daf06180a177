CREATE TABLE IF NOT EXISTS `otel`.`fathom_kernel_events`  (
    `Timestamp` DateTime64(9) COMMENT 'End of what the event tells' CODEC(Delta(8), ZSTD(1)),
    `Duration` UInt64 COMMENT 'fathom.duration, in ns' CODEC(ZSTD(1)),
    `EventName` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `TraceId` String CODEC(ZSTD(1)),
    `SpanId` String CODEC(ZSTD(1)),
    `HostName` LowCardinality(String) COMMENT 'host.name' CODEC(ZSTD(1)),
    `PodUid` LowCardinality(String) COMMENT 'k8s.pod.uid' CODEC(ZSTD(1)),
    `ContainerId` LowCardinality(String) COMMENT 'container.id' CODEC(ZSTD(1)),
    `ProcessPid` UInt32 COMMENT 'process.pid' CODEC(ZSTD(1)),
    `ThreadId` UInt32 COMMENT 'thread.id; 0 where the event has none' CODEC(ZSTD(1)),
    `GoroutineId` UInt64 COMMENT 'fathom.goroutine.id; 0 where the event has none' CODEC(ZSTD(1)),
    `PeerAddress` String COMMENT 'network.peer.address' CODEC(ZSTD(1)),
    `PeerPort` UInt16 COMMENT 'network.peer.port; 0 where the event has none' CODEC(ZSTD(1)),
    `FilePath` String COMMENT 'file.path' CODEC(ZSTD(1)),
    `ErrorType` LowCardinality(String) COMMENT 'error.type' CODEC(ZSTD(1)),
    `Attributes` JSON COMMENT 'All attributes of the event' CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree()
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, EventName, toDateTime(Timestamp))

SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS `otel`.`fathom_kernel_events_mv` 
TO `otel`.`fathom_kernel_events`
AS SELECT
    Timestamp,
    toUInt64OrZero(ifNull(toString(`LogAttributes`.`fathom.duration`), '')) AS Duration,
    EventName,
    ServiceName,
    TraceId,
    SpanId,
    ifNull(toString(`ResourceAttributes`.`host.name`), '') AS HostName,
    ifNull(toString(`ResourceAttributes`.`k8s.pod.uid`), '') AS PodUid,
    ifNull(toString(`ResourceAttributes`.`container.id`), '') AS ContainerId,
    toUInt32OrZero(ifNull(toString(`ResourceAttributes`.`process.pid`), '')) AS ProcessPid,
    toUInt32OrZero(ifNull(toString(`LogAttributes`.`thread.id`), '')) AS ThreadId,
    toUInt64OrZero(ifNull(toString(`LogAttributes`.`fathom.goroutine.id`), '')) AS GoroutineId,
    ifNull(toString(`LogAttributes`.`network.peer.address`), '') AS PeerAddress,
    toUInt16OrZero(ifNull(toString(`LogAttributes`.`network.peer.port`), '')) AS PeerPort,
    ifNull(toString(`LogAttributes`.`file.path`), '') AS FilePath,
    ifNull(toString(`LogAttributes`.`error.type`), '') AS ErrorType,
    LogAttributes AS Attributes
FROM `otel`.`otel_logs`
WHERE startsWith(EventName, 'fathom.');
