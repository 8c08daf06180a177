// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// wanted is a table that a configuration has.
type wanted struct {
	name string
	kind schema.Kind
}

// migrate creates tables where they do not exist and takes each through the
// migrations that it has not had yet. What was found and done is recorded in the
// database: a table that another exporter made is taken over as it is found. All
// of it may be done by several Collectors at once: each statement does nothing
// where another has done it. With create_schema: false the log says what is
// missing.
func (i *inserter) migrate(ctx context.Context, create func() ([]string, error), tables ...wanted) error {
	tables = slices.DeleteFunc(tables, func(t wanted) bool { return t.name == "" })
	before, visible, err := i.find(ctx, tables)
	if err != nil {
		return err
	}
	statements, err := create()
	if err == nil && i.config.CreateSchema {
		err = i.client.Execute(ctx, statements...)
	}
	if err != nil || !visible {
		return err
	}
	found := before
	if i.config.CreateSchema && len(before) < len(tables) {
		if found, _, err = i.find(ctx, tables); err != nil {
			return err
		}
	}
	records, err := i.records(ctx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		is, exists := found[table.name]
		if !exists {
			if !i.config.CreateSchema { // else the user may not see it
				i.reportMissing(table.name, schema.Created(), nil)
			}
			continue
		}
		_, was := before[table.name]
		m := migrator{inserter: i, table: is, kind: table.kind, created: !was, records: records}
		if err := m.migrate(ctx); err != nil {
			return err
		}
		i.reportKept(is, schema.KeptBy(i.schema.CreatedBy(statements, table.name)))
	}
	return nil
}

// find is those of the tables that exist, unless the server does not say.
func (i *inserter) find(ctx context.Context, tables []wanted) (found map[string]client.Table, visible bool, err error) {
	if len(tables) == 0 {
		return nil, false, nil
	}
	names := make([]string, len(tables))
	for n, table := range tables {
		names[n] = table.name
	}
	all, err := i.client.Tables(ctx, i.schema.Database, names...)
	if client.Answered(err) {
		// A user who may do nothing but INSERT, for one.
		i.logger.Warn("the server does not let the user look at system.tables: "+
			"whether the tables lack a migration is not known, nor whether rows are stored once when an INSERT fails "+
			"after they were stored", zap.Error(err))
		return nil, false, nil
	}
	found = map[string]client.Table{}
	for _, table := range all {
		found[table.Name] = table
	}
	return found, true, err
}

// migration is which one of which table was recorded.
type migration struct {
	table, uuid string
	version     int
}

// records is what was recorded before, nil where that can not be known.
func (i *inserter) records(ctx context.Context) (map[migration]bool, error) {
	if !i.config.CreateSchema {
		return nil, nil
	}
	all, err := i.client.Records(ctx, i.recordsTable())
	if client.Answered(err) {
		i.logger.Warn("migrations are not recorded", zap.Error(err))
		return nil, nil
	}
	records := map[migration]bool{}
	for _, r := range all {
		records[migration{r.Table, r.UUID, r.Version}] = true
	}
	return records, err
}

func (i *inserter) recordsTable() string {
	return schema.Identifier(i.schema.Database, schema.MigrationsTable)
}

// createRecords creates the table of records. A user who may not do that, but
// may create the others, goes without.
func (i *inserter) createRecords(ctx context.Context) error {
	err := i.create(ctx, i.schema.CreateMigrations)
	if client.Denied(err) {
		return nil // records says so
	}
	return err
}

// reportMissing says what is missing where it is not for this exporter to add,
// or where the server refused it.
func (i *inserter) reportMissing(table string, m schema.Migration, refused error) {
	log := i.logger.With(zap.String("table", table), zap.Stringer("migration", m))
	if m.Version > schema.Creation {
		statements, err := i.schema.Migrate(m, table)
		log = log.With(zap.String("mend_it_with", strings.Join(statements, ";\n")), zap.NamedError("render", err))
	}
	if refused != nil {
		log.Warn("the server does not let a migration be done: "+m.Lack, zap.Error(refused))
		return
	}
	log.Warn("a migration is missing, and create_schema is false: " + m.Lack)
}

// reportKept says where a table that exists keeps its rows otherwise than the
// configuration has it: ttl and retention are for tables that are created. A
// configuration that says nothing of it leaves it to the table.
func (i *inserter) reportKept(table client.Table, wanted schema.Kept) {
	has := schema.KeptBy(table.Definition)
	if wanted == (schema.Kept{}) || !has.Differs(wanted) {
		return
	}
	i.logger.Warn("the table keeps its rows otherwise than ttl and retention say, which are for tables that are created",
		zap.String("table", table.Name), zap.String("has", strings.TrimSpace(has.TTL+" "+has.Policy)),
		zap.String("wanted", strings.TrimSpace(wanted.TTL+" "+wanted.Policy)),
		zap.String("change_it_with", i.schema.SetKept(table.Name, wanted)))
}
