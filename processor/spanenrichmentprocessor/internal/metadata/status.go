// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package metadata names the component and its own telemetry, in the shape
// that mdatagen generates.
package metadata

import "go.opentelemetry.io/collector/component"

var (
	// Type is the component's type in a configuration.
	Type = component.MustNewType("span_enrichment")
	// ScopeName is the instrumentation scope of the component's own telemetry.
	ScopeName = "github.com/fathom-otel/fathom/processor/spanenrichmentprocessor"
)

const (
	// TracesStability is the stability of the processor in traces pipelines.
	TracesStability = component.StabilityLevelAlpha
	// LogsStability is the stability of the processor in logs pipelines.
	LogsStability = component.StabilityLevelAlpha
)
