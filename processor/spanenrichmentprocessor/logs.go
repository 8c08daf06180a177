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
	shared *hold
	next   consumer.Logs
}

func newLogsProcessor(shared *hold, next consumer.Logs) *logsProcessor {
	return &logsProcessor{shared: shared, next: next}
}

// Capabilities implements consumer.Logs.
func (*logsProcessor) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// Start implements component.Component.
func (p *logsProcessor) Start(ctx context.Context, host component.Host) error {
	return p.shared.Start(ctx, host)
}

// Shutdown implements component.Component.
func (p *logsProcessor) Shutdown(ctx context.Context) error {
	return p.shared.Shutdown(ctx)
}

// ConsumeLogs keeps what can be joined and passes the logs on. Where
// downstream refuses them and they come again, the store knows them.
func (p *logsProcessor) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	e := p.shared.Value()
	if read := e.readers.read(ld); read != nil {
		e.observe(&read.records)
		e.readers.put(read)
	}
	return p.next.ConsumeLogs(ctx, ld)
}
