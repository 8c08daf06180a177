// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

type tracesExporter struct {
	*inserter
	blocks *kept[*rows.Traces]
}

func newTracesExporter(set exporter.Settings, config *Config) (*tracesExporter, error) {
	inserter, err := newInserter(set, config, "traces", prepareTraces)
	if err != nil {
		return nil, err
	}
	block := config.layout().NewTraces()
	inserter.mayLack(config.TracesTableName, block.Input(), block.Optional())
	return &tracesExporter{inserter: inserter, blocks: newKept(config.layout().NewTraces)}, nil
}

func prepareTraces(ctx context.Context, i *inserter) error {
	table := i.config.TracesTableName
	err := i.migrate(ctx, func() ([]string, error) { return i.schema.CreateTraces(table) },
		wanted{table, schema.Traces}, wanted{table + schema.TraceTimes, schema.Traces})
	if err != nil {
		return err
	}
	if err := i.lookForOptional(ctx, table); err != nil {
		return err
	}
	if err := i.createFromTraces(ctx); err != nil {
		return err
	}
	if err := i.reportDrift(ctx, table, i.config.layout().NewTraces().Input()); err != nil {
		return err
	}
	derived := i.config.DerivedTables.wanted()
	return i.distribute(ctx, schema.Traces, table, table+schema.TraceTimes, derived.TimeLedger, derived.RED)
}

func (e *tracesExporter) push(ctx context.Context, traces ptrace.Traces) error {
	d := e.deliveryOf(ctx)
	e.begin(ctx, d, traces.SpanCount())
	if err := e.gate.pass(ctx); err != nil {
		return err
	}
	begun := time.Now()
	block := e.blocks.take()
	defer e.blocks.put(block)
	block.Append(traces)
	d.spend(phaseEncode, begun)
	return e.insert(ctx, d, e.config.TracesTableName, block.Input(), block.Corrected(), deadletter.Traces(traces))
}
