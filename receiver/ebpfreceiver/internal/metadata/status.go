// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package metadata holds the component's type, stability and telemetry, in the
// shape that mdatagen generates.
package metadata

import "go.opentelemetry.io/collector/component"

var (
	// Type is the component's type in a configuration.
	Type = component.MustNewType("ebpf")
	// ScopeName is the instrumentation scope of what the receiver emits and of
	// its own telemetry.
	ScopeName = "github.com/fathom-otel/fathom/receiver/ebpfreceiver"
)

const (
	// TracesStability is how far the traces signal may be relied on.
	TracesStability = component.StabilityLevelAlpha
	// LogsStability is how far the logs signal may be relied on.
	LogsStability = component.StabilityLevelAlpha
	// MetricsStability is how far the metrics signal may be relied on.
	MetricsStability = component.StabilityLevelAlpha
	// ProfilesStability is how far the profiles signal may be relied on.
	ProfilesStability = component.StabilityLevelDevelopment
)
