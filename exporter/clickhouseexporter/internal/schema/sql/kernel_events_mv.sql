CREATE MATERIALIZED VIEW IF NOT EXISTS {{ident .Database (print .Table "_mv")}} {{.Cluster}}
TO {{ident .Database .Table}}
AS SELECT
    Timestamp,
    toUInt64OrZero({{.Attribute "LogAttributes" "fathom.duration"}}) AS Duration,
    EventName,
    ServiceName,
    TraceId,
    SpanId,
    {{.Attribute "ResourceAttributes" "host.name"}} AS HostName,
    {{.Attribute "ResourceAttributes" "k8s.pod.uid"}} AS PodUid,
    {{.Attribute "ResourceAttributes" "container.id"}} AS ContainerId,
    toUInt32OrZero({{.Attribute "ResourceAttributes" "process.pid"}}) AS ProcessPid,
    toUInt32OrZero({{.Attribute "LogAttributes" "thread.id"}}) AS ThreadId,
    toUInt64OrZero({{.Attribute "LogAttributes" "fathom.goroutine.id"}}) AS GoroutineId,
    {{.Attribute "LogAttributes" "network.peer.address"}} AS PeerAddress,
    toUInt16OrZero({{.Attribute "LogAttributes" "network.peer.port"}}) AS PeerPort,
    {{.Attribute "LogAttributes" "file.path"}} AS FilePath,
    {{.Attribute "LogAttributes" "error.type"}} AS ErrorType,
    LogAttributes AS Attributes
FROM {{ident .Database .Source}}
WHERE startsWith(EventName, 'fathom.')
