// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"

	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/client"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

// once makes sure that ClickHouse remembers the tokens of what it stored in the
// tables: one that was made without a window for them is given it. Where that
// may not be done, the log says which table stores rows twice after a failure,
// and what to do.
func (i *inserter) once(ctx context.Context, tables ...string) error {
	found, err := i.client.Tables(ctx, i.schema.Database, tables...)
	if client.Answered(err) {
		// A user who may do nothing but INSERT, for one.
		i.logger.Warn("the server does not let the user look at system.tables: "+
			"whether rows are stored once when an INSERT fails after they were stored is not known",
			zap.Error(err))
		return nil
	}
	if err != nil {
		return err
	}
	for _, table := range found {
		if err := i.giveWindow(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

func (i *inserter) giveWindow(ctx context.Context, table client.Table) error {
	if table.Window > 0 || !schema.NeedsWindow(table.Engine) {
		return nil
	}
	statement := i.schema.SetWindow(table.Name)
	log := i.logger.With(zap.String("table", table.Name))
	if !i.config.CreateSchema {
		log.Warn("the table keeps no tokens of inserts, and create_schema is false: "+
			"rows are stored twice when an INSERT fails after they were stored",
			zap.String("mend_it_with", statement))
		return nil
	}
	err := i.client.Execute(ctx, statement)
	switch {
	case client.Answered(err):
		log.Warn("the table keeps no tokens of inserts, and the server does not let that be changed: "+
			"rows are stored twice when an INSERT fails after they were stored",
			zap.String("mend_it_with", statement), zap.Error(err))
		return nil
	case err != nil:
		return err
	}
	log.Info("the table kept no tokens of inserts; now it does, so that rows are stored once",
		zap.Int("non_replicated_deduplication_window", schema.Window))
	return nil
}
