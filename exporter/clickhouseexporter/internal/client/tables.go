// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Table is what system.tables says of a table.
type Table struct {
	// Name is the table's name, without the database.
	Name string
	// UUID is the table's own: one that is made anew has another. It is all zeros
	// in a database of the engine Ordinary.
	UUID string
	// Engine is its engine's name, such as MergeTree.
	Engine string
	// Definition is the engine with its clauses, as the server writes it.
	Definition string
	// Window is its non_replicated_deduplication_window: its own, or else the
	// server's default.
	Window int
}

// Tables is those of the named tables of a database that exist and that the user
// may see, in order of their names.
func (c *Client) Tables(ctx context.Context, database string, names ...string) ([]Table, error) {
	literals := make([]string, len(names))
	for i, name := range names {
		literals[i] = literal(name)
	}
	var tables []Table
	err := c.pool.with(ctx, func(conn *session) error {
		var name, uuid, engine, definition, window proto.ColStr
		return conn.Do(ctx, ch.Query{
			Body: "SELECT name, toString(uuid) AS uuid, engine, engine_full, coalesce(" +
				"nullIf(extract(engine_full, 'non_replicated_deduplication_window = (\\\\d+)'), ''), " +
				"(SELECT any(value) FROM system.merge_tree_settings WHERE name = 'non_replicated_deduplication_window'), '0') AS window " +
				"FROM system.tables WHERE database = " + literal(database) +
				" AND name IN (" + strings.Join(literals, ", ") + ") ORDER BY name",
			Result: proto.Results{
				{Name: "name", Data: &name}, {Name: "uuid", Data: &uuid}, {Name: "engine", Data: &engine},
				{Name: "engine_full", Data: &definition}, {Name: "window", Data: &window},
			},
			OnResult: func(context.Context, proto.Block) error {
				for i := range name.Rows() {
					// A window that is no number is none.
					n, _ := strconv.Atoi(window.Row(i))
					tables = append(tables, Table{
						Name: name.Row(i), UUID: uuid.Row(i), Engine: engine.Row(i), Definition: definition.Row(i), Window: n,
					})
				}
				return nil
			},
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look at the tables of %s: %w", database, err)
	}
	return tables, nil
}
