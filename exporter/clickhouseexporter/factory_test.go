// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/exporter/xexporter"
	"go.uber.org/goleak"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/metadata"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestFactory(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, component.MustNewType("clickhouse"), factory.Type())
	assert.Equal(t, metadata.TracesStability, factory.TracesStability())
	assert.Equal(t, metadata.LogsStability, factory.LogsStability())
	assert.Equal(t, metadata.MetricsStability, factory.MetricsStability())
	assert.Equal(t, metadata.ProfilesStability, factory.(xexporter.Factory).ProfilesStability())
	assert.Equal(t, createDefaultConfig(), factory.CreateDefaultConfig())
}

// TestLifecycleWithoutClickHouse starts and stops each exporter while nothing
// listens on the endpoint, with and without data in its queue.
func TestLifecycleWithoutClickHouse(t *testing.T) {
	for name, create := range signals() {
		t.Run(name, func(t *testing.T) {
			cfg := configFor(closedEndpoint(t))
			cfg.BackOffConfig.InitialInterval = time.Millisecond
			e, err := create(t.Context(), settings(), cfg)
			require.NoError(t, err)
			require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
			require.NoError(t, e.send(t.Context()))
			require.NoError(t, e.Shutdown(context.Background()))
		})
		t.Run(name+"/shutdown without start", func(t *testing.T) {
			e, err := create(t.Context(), settings(), configFor(closedEndpoint(t)))
			require.NoError(t, err)
			require.NoError(t, e.Shutdown(context.Background()))
		})
		t.Run(name+"/invalid", func(t *testing.T) {
			_, err := create(t.Context(), settings(), configFor("http://127.0.0.1:8123"))
			require.ErrorContains(t, err, "endpoint: http://")
		})
	}
}

// running is an exporter of any signal and one batch of awkward data for it.
type running struct {
	component.Component
	send func(context.Context) error
}

type createFunc func(context.Context, exporter.Settings, component.Config) (running, error)

func signals() map[string]createFunc {
	factory := NewFactory().(xexporter.Factory)
	return map[string]createFunc{
		"profiles": func(ctx context.Context, set exporter.Settings, cfg component.Config) (running, error) {
			e, err := factory.CreateProfiles(ctx, set, cfg)
			return running{e, func(ctx context.Context) error { return e.ConsumeProfiles(ctx, rowstest.Profiles()) }}, err
		},
		"traces": func(ctx context.Context, set exporter.Settings, cfg component.Config) (running, error) {
			e, err := factory.CreateTraces(ctx, set, cfg)
			return running{e, func(ctx context.Context) error { return e.ConsumeTraces(ctx, rowstest.Traces()) }}, err
		},
		"logs": func(ctx context.Context, set exporter.Settings, cfg component.Config) (running, error) {
			e, err := factory.CreateLogs(ctx, set, cfg)
			return running{e, func(ctx context.Context) error { return e.ConsumeLogs(ctx, rowstest.Logs()) }}, err
		},
		"metrics": func(ctx context.Context, set exporter.Settings, cfg component.Config) (running, error) {
			e, err := factory.CreateMetrics(ctx, set, cfg)
			return running{e, func(ctx context.Context) error { return e.ConsumeMetrics(ctx, rowstest.Metrics()) }}, err
		},
	}
}

func settings() exporter.Settings { return exportertest.NewNopSettings(metadata.Type) }

func configFor(endpoint string) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Endpoint = endpoint
	cfg.Database = "otel"
	return cfg
}

// closedEndpoint is an address on which nothing listens.
func closedEndpoint(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return "tcp://" + listener.Addr().String()
}
