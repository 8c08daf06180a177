CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}} (
    `Table` String COMMENT 'The table that was migrated',
    `TableUuid` String COMMENT 'Its uuid in system.tables: a table that is made anew is migrated anew',
    `Version` UInt32 COMMENT 'The migration, in the order in which they follow one another',
    `Name` String COMMENT 'Its name',
    `How` LowCardinality(String) COMMENT 'created with the table, altered, or found as it leaves the table',
    `Statements` String COMMENT 'What was executed, if it altered the table',
    `By` String COMMENT 'Who recorded it',
    `At` DateTime64(3) DEFAULT now64(3) COMMENT 'When it was recorded'
) ENGINE = {{.Engine}}
ORDER BY (Table, Version, TableUuid)
{{- with .Window}}
SETTINGS non_replicated_deduplication_window = {{.}}
{{- end}}
