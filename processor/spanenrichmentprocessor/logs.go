// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
)

// logsProcessor reads the records of one logs pipeline and passes all logs on
// as they are.
type logsProcessor struct {
	enrichment *reference
	next       consumer.Logs
}

func newLogsProcessor(enrichment *reference, next consumer.Logs) *logsProcessor {
	return &logsProcessor{enrichment: enrichment, next: next}
}

// Capabilities implements consumer.Logs.
func (*logsProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// Start implements component.Component.
func (p *logsProcessor) Start(context.Context, component.Host) error {
	p.enrichment.startOnce()
	return nil
}

// Shutdown implements component.Component.
func (p *logsProcessor) Shutdown(context.Context) error {
	p.enrichment.done()
	return nil
}

// ConsumeLogs keeps what can be joined and passes the logs on. Where
// downstream refuses them and they come again, the store knows them.
func (p *logsProcessor) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	if records := readRecords(ld); records != nil {
		p.enrichment.observe(records)
	}
	return p.next.ConsumeLogs(ctx, ld)
}
