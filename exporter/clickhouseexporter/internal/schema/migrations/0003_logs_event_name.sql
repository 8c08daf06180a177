ALTER TABLE {{ident .Database .Table}} {{- with .Cluster}} {{.}}{{end}} ADD COLUMN IF NOT EXISTS `EventName` String COMMENT 'Event name for log records representing events' CODEC(ZSTD(1))
