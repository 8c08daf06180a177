// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"

	"github.com/fathom-otel/fathom/extension/embeddedclickhouseextension/internal/metadata"
	"github.com/fathom-otel/fathom/extension/embeddedclickhouseextension/internal/supervisor"
)

// embedded is the extension: one supervised engine.
type embedded struct {
	config    *Config
	log       *zap.Logger
	telemetry *metadata.TelemetryBuilder
	engine    *supervisor.Supervisor
}

// Start starts the engine and returns once it answers. It fails when the
// engine does not come up; once it has, the engine's deaths are not the
// agent's.
func (e *embedded) Start(ctx context.Context, host component.Host) error {
	binary, err := findEngine(e.config.Engine)
	if err != nil {
		return err
	}
	e.engine = supervisor.New(supervisor.Config{
		Binary:          binary,
		Endpoint:        e.config.Endpoint,
		Path:            e.config.Path,
		Library:         e.config.Library,
		MemoryMiB:       e.config.MemoryMiB,
		StartTimeout:    e.config.StartTimeout,
		StopTimeout:     e.config.StopTimeout,
		InitialInterval: e.config.Restart.InitialInterval,
		MaxInterval:     e.config.Restart.MaxInterval,
	}, &reporter{host: host, telemetry: e.telemetry}, e.log)
	if err := e.engine.Start(ctx); err != nil {
		return fmt.Errorf("starting the embedded ClickHouse engine: %w", err)
	}
	return nil
}

// Shutdown stops the engine and waits for its end.
func (e *embedded) Shutdown(ctx context.Context) error {
	if e.engine == nil {
		return nil
	}
	return e.engine.Stop(ctx)
}

// reporter tells the Collector what becomes of the engine.
type reporter struct {
	host      component.Host
	telemetry *metadata.TelemetryBuilder
}

func (r *reporter) Started() {
	r.telemetry.EngineStarts.Add(context.Background(), 1)
	componentstatus.ReportStatus(r.host, componentstatus.NewEvent(componentstatus.StatusOK))
}

func (r *reporter) Died(cause error) {
	r.telemetry.EngineExits.Add(context.Background(), 1)
	componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(cause))
}
