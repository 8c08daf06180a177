// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
)

type tracesExporter struct {
	*inserter
	blocks *blocks[*rows.Traces]
}

func newTracesExporter(set exporter.Settings, config *Config) (*tracesExporter, error) {
	inserter, err := newInserter(set, config, prepareTraces)
	if err != nil {
		return nil, err
	}
	return &tracesExporter{inserter: inserter, blocks: newBlocks(rows.NewTraces)}, nil
}

func prepareTraces(ctx context.Context, i *inserter) error {
	err := i.create(ctx, func() ([]string, error) { return i.schema.CreateTraces(i.config.TracesTableName) })
	if err != nil {
		return err
	}
	return i.createFromTraces(ctx)
}

func (e *tracesExporter) push(ctx context.Context, traces ptrace.Traces) error {
	if err := e.gate.pass(ctx); err != nil {
		return err
	}
	block := e.blocks.take()
	defer e.blocks.put(block)
	block.Append(traces)
	err := e.insert(ctx, e.config.TracesTableName, block.Input(), block.Corrected())
	if done := doneRows(err); done > 0 {
		return consumererror.NewTraces(err, spansAfter(traces, done))
	}
	return err
}
