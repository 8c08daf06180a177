CREATE TABLE IF NOT EXISTS {{ident .Database .Table}} {{.Cluster}}
AS {{ident .Database .Source}}
ENGINE = Distributed({{literal .ClusterName}}, {{literal .Database}}, {{literal .Source}}{{with .ShardingKey}}, {{.}}{{end}})
