// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package metadata holds the component's type, stability and telemetry, in the
// shape that mdatagen generates.
package metadata

import (
	"go.opentelemetry.io/collector/component"
)

var (
	// Type is the component's type in a configuration.
	Type = component.MustNewType("embedded_clickhouse")
	// ScopeName is the instrumentation scope of the component's own telemetry.
	ScopeName = "github.com/fathom-otel/fathom/extension/embeddedclickhouseextension"
)

const (
	// ExtensionStability is how far the extension may be relied on.
	ExtensionStability = component.StabilityLevelAlpha
)
