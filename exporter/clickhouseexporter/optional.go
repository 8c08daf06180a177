// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/ClickHouse/ch-go/proto"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// optionalColumns are those that a table which another exporter made may not
// have: rows are stored without them there.
type optionalColumns struct {
	table string
	// columns are all of them.
	columns proto.Input
	// absent are the names of those that the table does not have, as it was
	// prepared.
	absent atomic.Pointer[[]string]
}

// mayLack says which of the columns of a table are optional.
func (i *inserter) mayLack(table string, input proto.Input, names []string) {
	o := &optionalColumns{table: table}
	for _, column := range input {
		if slices.Contains(names, column.Name) {
			o.columns = append(o.columns, column)
		}
	}
	if len(o.columns) > 0 {
		i.optional[table] = o
	}
}

// lacking are the names of the columns that a table does not have.
func (i *inserter) lacking(table string) []string {
	if o := i.optional[table]; o != nil {
		if absent := o.absent.Load(); absent != nil {
			return *absent
		}
	}
	return nil
}

// lookForOptional finds out which optional columns a table has.
func (i *inserter) lookForOptional(ctx context.Context, table string) error {
	o := i.optional[table]
	if o == nil {
		return nil
	}
	columns, err := i.client.Columns(ctx, i.schema.Database, table)
	switch {
	case client.Denied(err):
		// A user who may do nothing but INSERT: as if the columns were not there.
		i.logger.Warn("the user may not look at system.columns: these columns are left out",
			zap.String("table", table), zap.Strings("columns", namesOf(o.columns)), zap.Error(err))
	case err != nil:
		return err
	case len(columns) == 0:
		return fmt.Errorf("table %s.%s does not exist, or the user may not insert into it", i.schema.Database, table)
	}
	absent := o.absentFrom(columns)
	if len(absent) > 0 && err == nil {
		i.logger.Warn("the table has no columns for some of what this exporter writes: that is not stored until they are "+
			"added and the Collector is restarted", zap.String("table", table), zap.Strings("columns", absent),
			zap.String("add_them_with", i.schema.AddColumns(table, o.definitions(absent)...)))
	}
	o.absent.Store(&absent)
	return nil
}

// absentFrom are the names of the columns that are not among a table's.
func (o *optionalColumns) absentFrom(columns []client.Column) []string {
	var absent []string
	for _, wanted := range o.columns {
		if !slices.ContainsFunc(columns, func(c client.Column) bool { return c.Name == wanted.Name }) {
			absent = append(absent, wanted.Name)
		}
	}
	return absent
}

// definitions are those of some of the columns.
func (o *optionalColumns) definitions(names []string) []schema.Column {
	var definitions []schema.Column
	for _, column := range o.columns {
		if slices.Contains(names, column.Name) {
			definitions = append(definitions, schema.Column{Name: column.Name, Type: column.Data.Type().String()})
		}
	}
	return definitions
}

// lostOptional finds out whether an INSERT failed because the table lost an
// optional column since it was prepared: somebody made it anew, with another
// exporter's statement. Where it can not be told, the rows wait.
func (i *inserter) lostOptional(ctx context.Context, table string, err error, input proto.Input) bool {
	o := i.optional[table]
	if o == nil || !client.NoSuchColumn(err) {
		return false
	}
	columns, err := i.client.Columns(ctx, i.schema.Database, table)
	if err != nil {
		return true
	}
	absent := o.absentFrom(columns)
	return slices.ContainsFunc(input, func(c proto.InputColumn) bool { return slices.Contains(absent, c.Name) })
}

func namesOf(input proto.Input) []string {
	names := make([]string, len(input))
	for n, column := range input {
		names[n] = column.Name
	}
	return names
}
