{{- /* A span and its parent may lie on either side of a border: a parent that began up to an hour
before the interval is found. */ -}}
CREATE VIEW IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}}
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
        FROM {{ident .Database .Source}}
        WHERE Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND ParentSpanId != ''
    ) AS child
    INNER JOIN (
        SELECT TraceId, SpanId, ServiceName
        FROM {{ident .Database .Source}}
        WHERE Timestamp >= {from:DateTime} - toIntervalHour(1) AND Timestamp < {to:DateTime}
    ) AS parent ON child.TraceId = parent.TraceId AND child.ParentSpanId = parent.SpanId
    WHERE child.ServiceName != parent.ServiceName
    UNION ALL
    SELECT
        ServiceName AS Client,
        multiIf({{.Attribute "SpanAttributes" "db.system.name"}} != '', {{.Attribute "SpanAttributes" "db.system.name"}},
            {{.Attribute "SpanAttributes" "db.system"}} != '', {{.Attribute "SpanAttributes" "db.system"}},
            {{.Attribute "SpanAttributes" "messaging.system"}}) AS Server,
        if({{.Attribute "SpanAttributes" "messaging.system"}} = '', 'database', 'messaging') AS Kind,
        StatusCode,
        Duration
    FROM {{ident .Database .Source}}
    WHERE Timestamp >= {from:DateTime} AND Timestamp < {to:DateTime} AND SpanKind IN ('Client', 'Producer')
        AND Server != ''
)
GROUP BY Client, Server, Kind
