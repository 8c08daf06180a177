CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
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
    `Attributes` {{if .JSON}}JSON{{else}}Map(LowCardinality(String), String){{end}} COMMENT 'All attributes of the event' CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = {{.Engine}}
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, EventName, toDateTime(Timestamp))
{{ttl .Retention "toDateTime(Timestamp)"}}
{{settings .}}
