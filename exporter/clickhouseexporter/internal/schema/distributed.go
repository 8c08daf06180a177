// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

// Distributed is a table over those of the same name on all shards of the
// cluster.
type Distributed struct {
	// Table is its name, Local that of the tables that have the rows.
	Table, Local string
	// ShardingKey is the expression by which rows that are inserted into it are
	// spread; without one it is for reading.
	ShardingKey string
}

// CreateDistributed is the statements that create such tables, on every server of
// the cluster. Their columns are those of the local ones, which must exist.
func (s Schema) CreateDistributed(tables ...Distributed) ([]string, error) {
	statements := make([]statement, len(tables))
	for n, table := range tables {
		statements[n] = statement{file: "distributed.sql", table: table.Table, source: table.Local, shardingKey: table.ShardingKey}
	}
	return s.renderAll(statements...)
}
