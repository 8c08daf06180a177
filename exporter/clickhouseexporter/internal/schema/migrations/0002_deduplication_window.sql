ALTER TABLE {{ident .Database .Table}} {{- with .Cluster}} {{.}}{{end}} MODIFY SETTING non_replicated_deduplication_window = {{.Window}}
