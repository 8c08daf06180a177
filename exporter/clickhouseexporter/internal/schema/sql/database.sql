CREATE DATABASE IF NOT EXISTS {{ident .Database}} {{.Cluster}}
