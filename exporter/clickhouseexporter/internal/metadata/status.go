// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package metadata holds the component's type, stability and telemetry, in the
// shape that mdatagen generates.
package metadata

import (
	"go.opentelemetry.io/collector/component"
)

// Type is the component's type in a configuration.
var Type = component.MustNewType("clickhouse")

const (
	// ScopeName is the instrumentation scope of the component's own telemetry.
	ScopeName = "github.com/fathom-otel/fathom/exporter/clickhouseexporter"

	// TracesStability is how far the traces signal may be relied on.
	TracesStability = component.StabilityLevelAlpha
	// LogsStability is how far the logs signal may be relied on.
	LogsStability = component.StabilityLevelAlpha
	// MetricsStability is how far the metrics signal may be relied on.
	MetricsStability = component.StabilityLevelAlpha
	// ProfilesStability is how far the profiles signal may be relied on.
	ProfilesStability = component.StabilityLevelDevelopment
)
