// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

type metricsExporter struct {
	*inserter
	blocks *blocks[*rows.Metrics]
}

func newMetricsExporter(set exporter.Settings, config *Config) (*metricsExporter, error) {
	inserter, err := newInserter(set, config, prepareMetrics)
	if err != nil {
		return nil, err
	}
	return &metricsExporter{inserter: inserter, blocks: newBlocks(rows.NewMetrics)}, nil
}

func prepareMetrics(ctx context.Context, i *inserter) error {
	tables := i.config.MetricsTables
	return i.create(ctx, func() ([]string, error) {
		return i.schema.CreateMetrics(schema.MetricTables{
			Gauge:                tables.Gauge.Name,
			Sum:                  tables.Sum.Name,
			Summary:              tables.Summary.Name,
			Histogram:            tables.Histogram.Name,
			ExponentialHistogram: tables.ExponentialHistogram.Name,
		})
	})
}

// table is the table for metrics of that type.
func (e *metricsExporter) table(kind pmetric.MetricType) string {
	tables := e.config.MetricsTables
	switch kind {
	case pmetric.MetricTypeGauge:
		return tables.Gauge.Name
	case pmetric.MetricTypeSum:
		return tables.Sum.Name
	case pmetric.MetricTypeSummary:
		return tables.Summary.Name
	case pmetric.MetricTypeHistogram:
		return tables.Histogram.Name
	default:
		return tables.ExponentialHistogram.Name
	}
}

func (e *metricsExporter) push(ctx context.Context, metrics pmetric.Metrics) error {
	if err := e.gate.pass(ctx); err != nil {
		return err
	}
	block := e.blocks.take()
	defer e.blocks.put(block)
	block.Append(metrics)

	untyped := e.refuseUntyped(ctx, block)
	if untyped != nil && metrics.DataPointCount() == 0 {
		return untyped
	}
	return e.outcome(metrics, e.insertAll(ctx, block))
}

// refuseUntyped counts the metrics that no table can hold.
func (e *metricsExporter) refuseUntyped(ctx context.Context, block *rows.Metrics) error {
	if block.Untyped == 0 {
		return nil
	}
	e.telemetry.RowsRefused.Add(ctx, int64(block.Untyped),
		metric.WithAttributes(attribute.String("table", ""), attribute.String("reason", "metric_without_type")))
	e.logger.Warn("metrics without a type have no data points and cannot be stored",
		zap.Int("metrics", block.Untyped), zap.String("first", block.FirstUntyped))
	return consumererror.NewPermanent(fmt.Errorf(
		"%d metrics without a type, the first of them %q, have no data points and cannot be stored",
		block.Untyped, block.FirstUntyped))
}

// insertAll writes the five tables at once. It returns the error of each, in
// the order of rows.MetricTypes.
func (e *metricsExporter) insertAll(ctx context.Context, block *rows.Metrics) []error {
	kinds := rows.MetricTypes()
	failures := make([]error, len(kinds))
	var inserts sync.WaitGroup
	for n, kind := range kinds {
		table := block.Block(kind)
		if table.Rows() == 0 {
			continue
		}
		inserts.Go(func() {
			failures[n] = e.insert(ctx, e.table(kind), table.Input(), table.Corrected())
		})
	}
	inserts.Wait()
	return failures
}

// outcome is what the batch's sender is told. Only what may still be stored is
// given back to be tried again: the tables that succeeded are not inserted
// twice, and rows that were refused for good are counted already.
func (e *metricsExporter) outcome(metrics pmetric.Metrics, failures []error) error {
	var again, refused error
	done := map[pmetric.MetricType]int{}
	for n, err := range failures {
		switch {
		case err == nil:
		case consumererror.IsPermanent(err):
			refused = errors.Join(refused, err)
		default:
			again = errors.Join(again, err)
			done[rows.MetricTypes()[n]] = doneRows(err)
		}
	}
	if again == nil {
		return refused
	}
	if refused != nil {
		e.logger.Error("ClickHouse refused rows for good", zap.Error(refused))
	}
	return consumererror.NewMetrics(again, pointsAfter(metrics, done))
}
