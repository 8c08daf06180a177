CREATE MATERIALIZED VIEW IF NOT EXISTS {{ident .Database (print .Table "_mv")}} {{.Cluster}}
TO {{ident .Database .Table}}
AS SELECT
    Timestamp,
    toUInt64OrZero(LogAttributes['fathom.duration']) AS Duration,
    EventName,
    ServiceName,
    TraceId,
    SpanId,
    ResourceAttributes['host.name'] AS HostName,
    ResourceAttributes['k8s.pod.uid'] AS PodUid,
    ResourceAttributes['container.id'] AS ContainerId,
    toUInt32OrZero(ResourceAttributes['process.pid']) AS ProcessPid,
    toUInt32OrZero(LogAttributes['thread.id']) AS ThreadId,
    toUInt64OrZero(LogAttributes['fathom.goroutine.id']) AS GoroutineId,
    LogAttributes['network.peer.address'] AS PeerAddress,
    toUInt16OrZero(LogAttributes['network.peer.port']) AS PeerPort,
    LogAttributes['file.path'] AS FilePath,
    LogAttributes['error.type'] AS ErrorType,
    LogAttributes AS Attributes
FROM {{ident .Database .Source}}
WHERE startsWith(EventName, 'fathom.')
