// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package metadata holds the component's type, stability and telemetry, in the
// shape that mdatagen generates.
package metadata

import (
	"go.opentelemetry.io/collector/component"
)

// Type is the component's type in a configuration.
var Type = component.MustNewType("embedded_clickhouse")

const (
	// ScopeName is the instrumentation scope of the component's own telemetry.
	ScopeName = "github.com/fathom-otel/fathom/extension/embeddedclickhouseextension"

	// ExtensionStability is how far the extension may be relied on.
	ExtensionStability = component.StabilityLevelAlpha
)
