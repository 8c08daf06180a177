// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"

	"github.com/fathom-otel/fathom/internal/shared"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// hold is one processor's use of the enrichment of its component ID.
type hold = shared.Hold[component.ID, *enrichment]

// NewFactory returns the factory of the span_enrichment processor. Pipelines
// share state only through processors of one factory.
func NewFactory() processor.Factory {
	enrichments := shared.NewRegistry[component.ID, *enrichment]()
	acquire := func(set processor.Settings, cfg component.Config) (*hold, error) {
		return enrichments.Get(set.ID, func() (*enrichment, error) { return newEnrichment(set, cfg.(*Config)) })
	}
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithTraces(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			enrichment, err := acquire(set, cfg)
			if err != nil {
				return nil, err
			}
			return newTracesProcessor(enrichment, set.Logger, next), nil
		}, metadata.TracesStability),
		processor.WithLogs(func(_ context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
			enrichment, err := acquire(set, cfg)
			if err != nil {
				return nil, err
			}
			return newLogsProcessor(enrichment, next), nil
		}, metadata.LogsStability),
	)
}
