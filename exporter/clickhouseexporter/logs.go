// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

type logsExporter struct {
	*inserter
	blocks *kept[*rows.Logs]
}

func newLogsExporter(set exporter.Settings, config *Config) (*logsExporter, error) {
	inserter, err := newInserter(set, config, "logs", prepareLogs)
	if err != nil {
		return nil, err
	}
	block := config.layout().NewLogs()
	inserter.mayLack(config.LogsTableName, block.Input(), block.Optional())
	return &logsExporter{inserter: inserter, blocks: newKept(config.layout().NewLogs)}, nil
}

func prepareLogs(ctx context.Context, i *inserter) error {
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
	if err := i.lookForOptional(ctx, i.config.LogsTableName); err != nil {
		return err
	}
	if !i.withoutEventName() { // else it says so; there is nothing to derive from
		if err := i.createFromLogs(ctx); err != nil {
			return err
		}
	}
	if err := i.reportDrift(ctx, table, i.config.layout().NewLogs().Input()); err != nil {
		return err
	}
	return i.distribute(ctx, schema.Logs, table, i.config.DerivedTables.KernelEvents.wanted())
}

// withoutEventName reports whether the table of log records has no column for
// event names: an older exporter made it.
func (i *inserter) withoutEventName() bool {
	return slices.Contains(i.lacking(i.config.LogsTableName), rows.EventNameColumn)
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
	without := e.withoutEventName()
	err := e.insert(ctx, d, table, block.Input(), block.Corrected(), excerpt)
	if lost := block.EventNames(); err == nil && without && lost > 0 {
		e.countCorrected(ctx, table, "event_name_without_column", lost)
	}
	return err
}
