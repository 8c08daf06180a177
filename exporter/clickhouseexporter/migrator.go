// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"strings"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// How a migration that is recorded came about.
const (
	howCreated = "created"
	howAltered = "altered"
	howFound   = "found"
)

// migrator takes one table through its migrations.
type migrator struct {
	*inserter
	table client.Table
	kind  schema.Kind
	// created is set if it was not there before.
	created bool
	// records are those of all tables; nil if none can be read or written.
	records map[migration]bool
	// columns are the table's, once they were asked for.
	columns []string
}

func (m *migrator) migrate(ctx context.Context) error {
	if err := m.record(ctx, schema.Created(), m.foundOrCreated(), nil); err != nil {
		return err
	}
	for _, next := range schema.Migrations() {
		if !next.Concerns(m.state()) || m.recorded(next) && !next.Kept {
			continue
		}
		if err := m.step(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// step does one migration, unless the table has it already.
func (m *migrator) step(ctx context.Context, next schema.Migration) error {
	holds, err := m.holds(ctx, next)
	switch {
	case err != nil:
		return err
	case holds:
		return m.record(ctx, next, m.foundOrCreated(), nil)
	case !m.config.CreateSchema:
		m.reportMissing(m.table.Name, next, nil)
		return nil
	}
	statements, err := m.schema.Migrate(next, m.table.Name)
	if err != nil {
		return err
	}
	err = m.client.Execute(ctx, statements...)
	switch {
	case client.Racing(err):
		return err // another Collector alters the table as well: look again
	case client.Answered(err):
		m.reportMissing(m.table.Name, next, err)
		return nil
	case err != nil:
		return err
	}
	m.logger.Info("the table was migrated", zap.String("table", m.table.Name), zap.Stringer("migration", next))
	return m.record(ctx, next, howAltered, statements)
}

// state is the table as migrations see it.
func (m *migrator) state() schema.Table {
	return schema.Table{
		Name: m.table.Name, Kind: m.kind, Engine: m.table.Engine, Window: m.table.Window, Columns: m.columns,
	}
}

// holds reports whether the table is as the migration leaves it.
func (m *migrator) holds(ctx context.Context, next schema.Migration) (bool, error) {
	if next.Column != "" && m.columns == nil {
		columns, err := m.client.Columns(ctx, m.schema.Database, m.table.Name)
		if client.Denied(err) || err == nil && len(columns) == 0 {
			return true, nil // a user who may do nothing but INSERT
		}
		if err != nil {
			return false, err
		}
		for _, column := range columns {
			m.columns = append(m.columns, column.Name)
		}
	}
	return next.Holds(m.state()), nil
}

func (m *migrator) foundOrCreated() string {
	if m.created {
		return howCreated
	}
	return howFound
}

func (m *migrator) recorded(next schema.Migration) bool {
	return m.records[migration{m.table.Name, m.table.UUID, next.Version}]
}

// record records a migration, once. A user who may not do that goes without.
func (m *migrator) record(ctx context.Context, done schema.Migration, how string, statements []string) error {
	if m.records == nil || m.recorded(done) {
		return nil
	}
	err := m.client.Record(ctx, m.recordsTable(), client.Record{
		Table: m.table.Name, UUID: m.table.UUID, Version: done.Version, Name: done.Name, How: how,
		Statements: strings.Join(statements, ";\n"), By: m.product,
	})
	if client.Answered(err) {
		m.logger.Warn("a migration is not recorded", zap.Stringer("migration", done), zap.Error(err))
		return nil
	}
	return err
}
