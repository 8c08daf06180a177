// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

type logsExporter struct {
	*inserter
	blocks *blocks[*rows.Logs]
	// withoutEventName is set where the table, made by an older exporter, has
	// no column for it.
	withoutEventName atomic.Bool
}

func newLogsExporter(set exporter.Settings, config *Config) (*logsExporter, error) {
	e := &logsExporter{blocks: newBlocks(rows.NewLogs)}
	inserter, err := newInserter(set, config, "logs", e.prepare)
	if err != nil {
		return nil, err
	}
	e.inserter = inserter
	e.stale = e.lostEventName
	return e, nil
}

func (e *logsExporter) prepare(ctx context.Context, i *inserter) error {
	table := i.config.LogsTableName
	err := i.migrate(ctx, func() ([]string, error) {
		major, minor, err := i.client.Version(ctx)
		if err != nil {
			return nil, err
		}
		return i.schema.CreateLogs(table, schema.Version{Major: major, Minor: minor})
	}, wanted{table, schema.Logs})
	if err != nil {
		return err
	}
	if err := e.lookForEventName(ctx, i); err != nil {
		return err
	}
	if !e.withoutEventName.Load() { // else it says so; there is nothing to derive from
		if err := i.createFromLogs(ctx); err != nil {
			return err
		}
	}
	if err := i.reportDrift(ctx, table, rows.NewLogs().Input()); err != nil {
		return err
	}
	return i.distribute(ctx, schema.Logs, table, i.config.DerivedTables.KernelEvents.wanted())
}

// lookForEventName finds out whether the table has a column for event names.
func (e *logsExporter) lookForEventName(ctx context.Context, i *inserter) error {
	database, table := i.schema.Database, i.config.LogsTableName
	columns, err := i.client.Columns(ctx, database, table)
	switch {
	case client.Denied(err):
		// A user who may do nothing but INSERT: as if the column were not there.
		i.logger.Warn("the user may not look at system.columns: event names are not stored", zap.Error(err))
	case err != nil:
		return err
	case len(columns) == 0:
		return fmt.Errorf("table %s.%s does not exist, or the user may not insert into it", database, table)
	case !hasEventName(columns):
		i.logger.Warn("the logs table has no column for event names: they are not stored until it is added "+
			"and the Collector is restarted",
			zap.String("add_it_with", "ALTER TABLE "+schema.Identifier(database, table)+
				" ADD COLUMN "+rows.EventNameColumn+" String CODEC(ZSTD(1))"))
	}
	e.withoutEventName.Store(!hasEventName(columns))
	return nil
}

// lostEventName finds out whether the table lost its column for event names
// since it was prepared: somebody made it anew, with an older exporter's
// statement. Where it can not be told, the rows wait.
func (e *logsExporter) lostEventName(ctx context.Context, err error, input proto.Input) bool {
	if !client.NoSuchColumn(err) || input[len(input)-1].Name != rows.EventNameColumn {
		return false
	}
	columns, err := e.client.Columns(ctx, e.schema.Database, e.config.LogsTableName)
	return err != nil || !hasEventName(columns)
}

func hasEventName(columns []client.Column) bool {
	return slices.ContainsFunc(columns, func(c client.Column) bool { return c.Name == rows.EventNameColumn })
}

func (e *logsExporter) push(ctx context.Context, logs plog.Logs) error {
	d := e.deliveryOf(ctx)
	e.begin(ctx, d, logs.LogRecordCount())
	if err := e.gate.pass(ctx); err != nil {
		return err
	}
	begun := time.Now()
	block := e.blocks.take()
	defer e.blocks.put(block)
	block.Append(logs)
	d.spend(phaseEncode, begun)
	return e.insertLogs(ctx, d, block, deadletter.Logs(logs))
}

func (e *logsExporter) insertLogs(ctx context.Context, d *delivery, block *rows.Logs, excerpt deadletter.Excerpt) error {
	table := e.config.LogsTableName
	if !e.withoutEventName.Load() {
		return e.insert(ctx, d, table, block.Input(), block.Corrected(), excerpt)
	}
	err := e.insert(ctx, d, table, block.InputWithoutEventName(), block.Corrected(), excerpt)
	if lost := block.EventNames(); err == nil && lost > 0 {
		e.countCorrected(ctx, table, "event_name_without_column", lost)
	}
	return err
}
