// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Record says that a table has had a migration.
type Record struct {
	// Table and UUID are those of the table, see Table.
	Table, UUID string
	// Version and Name are those of the migration.
	Version int
	Name    string
	// How is how it came about: created, altered or found.
	How string
	// Statements is what was executed, empty unless it altered the table.
	Statements string
	// By is who recorded it.
	By string
}

// Records are all that a table of records, whose name is quoted already, has.
func (c *Client) Records(ctx context.Context, table string) ([]Record, error) {
	var records []Record
	err := c.pool.with(ctx, func(conn *session) error {
		var name, uuid proto.ColStr
		var version proto.ColUInt32
		return conn.Do(ctx, ch.Query{
			Body:   "SELECT Table, TableUuid, Version FROM " + table + " ORDER BY Table, Version",
			Result: proto.Results{{Name: "Table", Data: &name}, {Name: "TableUuid", Data: &uuid}, {Name: "Version", Data: &version}},
			OnResult: func(context.Context, proto.Block) error {
				for i := range name.Rows() {
					records = append(records, Record{Table: name.Row(i), UUID: uuid.Row(i), Version: int(version.Row(i))})
				}
				return nil
			},
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the records of %s: %w", table, err)
	}
	return records, nil
}

// Record adds a record, which is stored once however many add it at once: all of
// them send the same token.
func (c *Client) Record(ctx context.Context, table string, r Record) error {
	one := func(s string) *proto.ColStr {
		column := new(proto.ColStr)
		column.Append(s)
		return column
	}
	how := new(proto.ColStr).LowCardinality()
	how.Append(r.How)
	version := proto.ColUInt32{uint32(r.Version)}
	err := c.Insert(ctx, table, proto.Input{
		{Name: "Table", Data: one(r.Table)},
		{Name: "TableUuid", Data: one(r.UUID)},
		{Name: "Version", Data: &version},
		{Name: "Name", Data: one(r.Name)},
		{Name: "How", Data: how},
		{Name: "Statements", Data: one(r.Statements)},
		{Name: "By", Data: one(r.By)},
	},
		ch.Setting{Key: "insert_deduplication_token", Value: fmt.Sprintf("migration-%s-%s-%d", r.Table, r.UUID, r.Version), Important: true},
		ch.Setting{Key: "async_insert", Value: "0", Important: true},
	)
	if err != nil {
		return fmt.Errorf("record the migration %d of %s: %w", r.Version, r.Table, err)
	}
	return nil
}
