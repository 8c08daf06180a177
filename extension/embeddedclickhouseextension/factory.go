// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/fathom-otel/fathom/extension/embeddedclickhouseextension/internal/metadata"
)

// NewFactory makes the factory of the embedded_clickhouse extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, create, metadata.ExtensionStability)
}

func create(_ context.Context, settings extension.Settings, config component.Config) (extension.Extension, error) {
	telemetry, err := metadata.NewTelemetryBuilder(settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &embedded{config: config.(*Config), log: settings.Logger, telemetry: telemetry}, nil
}
