// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"context"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Processor marks the spans of an OpenTelemetry SDK.
type Processor struct{}

var _ sdktrace.SpanProcessor = Processor{}

// OnStart marks the start.
func (Processor) OnStart(ctx context.Context, span sdktrace.ReadWriteSpan) {
	Start(ctx, span.SpanContext().SpanID().String())
}

// OnEnd marks the end.
func (Processor) OnEnd(span sdktrace.ReadOnlySpan) {
	End(context.Background(), span.SpanContext().SpanID().String())
}

// Shutdown has nothing to do.
func (Processor) Shutdown(context.Context) error { return nil }

// ForceFlush has nothing to do.
func (Processor) ForceFlush(context.Context) error { return nil }
