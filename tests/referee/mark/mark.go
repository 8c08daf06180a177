// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package mark writes the marks into Go's execution trace from which the
// referee knows the spans: a program under judgement calls it where its spans
// start and end. It costs nothing while no trace is taken.
package mark

import (
	"context"
	"runtime/trace"
	"strings"
)

const (
	// Started and Ended are the categories of the log events. Their message is
	// the span ID in 16 hexadecimal digits.
	Started = "span.started"
	Ended   = "span.ended"
	// RegionPrefix begins the type of a region that stands for a span; the span
	// ID follows.
	RegionPrefix = "span:"
)

// Start says that a span starts now on the calling goroutine.
func Start(ctx context.Context, spanID string) {
	if trace.IsEnabled() {
		trace.Log(ctx, Started, spanID)
	}
}

// End says that a span ends now. Unlike a region's end it may come from
// another goroutine and in any order, as the ends of OpenTelemetry spans do.
func End(ctx context.Context, spanID string) {
	if trace.IsEnabled() {
		trace.Log(ctx, Ended, spanID)
	}
}

// Region marks what f does as a span, for programs without an SDK.
func Region(ctx context.Context, spanID string, f func()) {
	trace.WithRegion(ctx, RegionPrefix+spanID, f)
}

// RegionSpan is the span ID in a region's type.
func RegionSpan(regionType string) (spanID string, ok bool) {
	return strings.CutPrefix(regionType, RegionPrefix)
}
