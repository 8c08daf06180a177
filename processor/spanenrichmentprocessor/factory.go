// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// NewFactory returns the factory of the span_enrichment processor. Pipelines
// share state only through processors of one factory.
func NewFactory() processor.Factory {
	shared := newRegistry()
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			enrichment, err := shared.acquire(set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return newTracesProcessor(enrichment, set.Logger, next), nil
		}, metadata.TracesStability),
		processor.WithLogs(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			enrichment, err := shared.acquire(set, cfg.(*Config))
			if err != nil {
				return nil, err
			}
			return newLogsProcessor(enrichment, next), nil
		}, metadata.LogsStability),
	)
}
