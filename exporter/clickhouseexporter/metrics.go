// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/deadletter"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/schema"
)

type metricsExporter struct {
	*inserter
	blocks *kept[*rows.Metrics]
}

func newMetricsExporter(set exporter.Settings, config *Config) (*metricsExporter, error) {
	inserter, err := newInserter(set, config, "metrics", prepareMetrics)
	if err != nil {
		return nil, err
	}
	return &metricsExporter{inserter: inserter, blocks: newKept(rows.NewMetrics)}, nil
}

func prepareMetrics(ctx context.Context, i *inserter) error {
	tables := i.config.MetricsTables
	block := rows.NewMetrics()
	var all []wanted
	for _, kind := range rows.MetricTypes() {
		all = append(all, wanted{tables.table(kind), schema.Metrics})
	}
	err := i.migrate(ctx, func() ([]string, error) {
		return i.schema.CreateMetrics(i.config.metricTables())
	}, all...)
	if err != nil {
		return err
	}
	for _, kind := range rows.MetricTypes() {
		if err := i.reportDrift(ctx, tables.table(kind), block.Block(kind).Input()); err != nil {
			return err
		}
	}
	return i.distribute(ctx, schema.Metrics, i.config.metricNames()...)
}

// table is the table for metrics of that type.
func (tables MetricsTablesConfig) table(kind pmetric.MetricType) string {
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
	d := e.deliveryOf(ctx)
	e.begin(ctx, d, metrics.DataPointCount())
	if err := e.gate.pass(ctx); err != nil {
		return err
	}
	begun := time.Now()
	block := e.blocks.take()
	defer e.blocks.put(block)
	block.Append(metrics)
	d.spend(phaseEncode, begun)

	untyped := e.refuseUntyped(ctx, d, block)
	if untyped != nil && metrics.DataPointCount() == 0 {
		return untyped
	}
	return outcome(e.insertAll(ctx, d, metrics, block))
}

// refuseUntyped counts the metrics that no table can hold, at the first attempt.
func (e *metricsExporter) refuseUntyped(ctx context.Context, d *delivery, block *rows.Metrics) error {
	if block.Untyped == 0 {
		return nil
	}
	err := consumererror.NewPermanent(fmt.Errorf(
		"%d metrics without a type, the first of them %q, have no data points and cannot be stored",
		block.Untyped, block.FirstUntyped))
	done := d.progress("")
	if done.refused != nil {
		return err
	}
	done.refused = err
	e.telemetry.MetricsRefused.Add(ctx, int64(block.Untyped),
		metric.WithAttributes(attribute.String("reason", "metric_without_type")))
	e.logger.Warn("metrics without a type have no data points and cannot be stored",
		zap.Int("metrics", block.Untyped), zap.String("first", block.FirstUntyped))
	return err
}

// insertAll writes the five tables at once. It returns the error of each, in
// the order of rows.MetricTypes.
func (e *metricsExporter) insertAll(ctx context.Context, d *delivery, metrics pmetric.Metrics, block *rows.Metrics) []error {
	kinds := rows.MetricTypes()
	failures := make([]error, len(kinds))
	var inserts sync.WaitGroup
	for n, kind := range kinds {
		table := block.Block(kind)
		if table.Rows() == 0 {
			continue
		}
		inserts.Go(func() {
			failures[n] = e.insert(ctx, d, e.config.MetricsTables.table(kind), table.Input(), table.Corrected(),
				deadletter.Metrics(metrics, kind))
		})
	}
	inserts.Wait()
	return failures
}

// outcome is what the batch's sender is told of what became of each table, or
// shard: to try it again where rows may still be stored. What is done with by then is left out.
func outcome(failures []error) error {
	var again, refused error
	for _, err := range failures {
		switch {
		case err == nil:
		case consumererror.IsPermanent(err):
			refused = errors.Join(refused, err)
		default:
			again = errors.Join(again, err)
		}
	}
	if again == nil {
		return refused
	}
	return again
}
