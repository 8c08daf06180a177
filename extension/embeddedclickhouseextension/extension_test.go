// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/fathom-otel/fathom/extension/embeddedclickhouseextension/internal/metadata"
	"github.com/fathom-otel/fathom/internal/enginetest"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(agentVariable); config != "" {
		runAgent(config)
		return
	}
	goleak.VerifyTestMain(m)
}

// fixture is an extension with what it tells the Collector.
type fixture struct {
	extension.Extension
	config    *Config
	logs      *observer.ObservedLogs
	telemetry *componenttest.Telemetry
}

func newFixture(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{config: configFor(t), telemetry: componenttest.NewTelemetry()}
	if change != nil {
		change(f.config)
	}
	require.NoError(t, f.config.Validate())
	core, logs := observer.New(zapcore.InfoLevel)
	f.logs = logs
	settings := extensiontest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = f.telemetry.NewTelemetrySettings()
	settings.Logger = zap.New(core)
	var err error
	f.Extension, err = NewFactory().Create(t.Context(), settings, f.config)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, f.telemetry.Shutdown(context.Background()))
		assert.False(t, alive(f.config.Path), "the engine outlived the extension")
	})
	return f
}

// configFor is a config for a real engine on a free port.
func configFor(t *testing.T) *Config {
	t.Helper()
	config := createDefaultConfig().(*Config)
	config.Endpoint = enginetest.FreeEndpoint(t)
	config.Path = t.TempDir()
	config.Engine = enginetest.Binary(t)
	config.Restart.InitialInterval = 10 * time.Millisecond
	return config
}

func (f *fixture) start(t *testing.T) {
	t.Helper()
	require.NoError(t, f.Start(t.Context(), componenttest.NewNopHost()))
}

func (f *fixture) shutdown(t *testing.T) {
	t.Helper()
	require.NoError(t, f.Shutdown(context.Background()))
}

func (f *fixture) counter(t *testing.T, name string) int64 {
	t.Helper()
	m, err := f.telemetry.GetMetric("otelcol_embedded_clickhouse_" + name)
	if err != nil {
		return 0 // nothing was counted yet
	}
	return m.Data.(metricdata.Sum[int64]).DataPoints[0].Value
}

// open connects to the engine, with a fresh connection for each statement: the
// tests kill engines.
func open(t *testing.T, endpoint string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{endpoint}, DialTimeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// enginePID reads the PID that an engine leaves in its lock.
func enginePID(path string) int {
	text, err := os.ReadFile(filepath.Join(path, "clickhouse-engine.lock"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// alive says whether the engine on a path runs.
func alive(path string) bool {
	pid := enginePID(path)
	return pid != 0 && syscall.Kill(pid, 0) == nil
}

func TestFactory(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, component.MustNewType("embedded_clickhouse"), factory.Type())
	assert.Equal(t, metadata.ExtensionStability, factory.Stability())
}

func TestStartAnswersAndShutdownStops(t *testing.T) {
	f := newFixture(t, nil)
	f.start(t)
	var one uint8
	require.NoError(t, open(t, f.config.Endpoint).QueryRow(t.Context(), "SELECT 1").Scan(&one))
	assert.Equal(t, uint8(1), one)
	assert.Equal(t, int64(1), f.counter(t, "engine_starts"))
	f.shutdown(t)
	f.shutdown(t) // a second one does nothing
	assert.Equal(t, int64(0), f.counter(t, "engine_exits"))
	assert.NotZero(t, f.logs.FilterMessage("engine: serving").Len(), "the engine's log is not passed on")
}

func TestShutdownWithoutStart(t *testing.T) {
	newFixture(t, nil).shutdown(t)
}

func TestDataOutlivesAgent(t *testing.T) {
	path := t.TempDir()
	for run := range 2 {
		f := newFixture(t, func(c *Config) { c.Path = path })
		f.start(t)
		conn := open(t, f.config.Endpoint)
		require.NoError(t, conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS runs (run UInt64) ENGINE = MergeTree ORDER BY run"))
		require.NoError(t, conn.Exec(t.Context(), "INSERT INTO runs VALUES (1)"))
		var runs uint64
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM runs").Scan(&runs))
		assert.Equal(t, uint64(run+1), runs)
		f.shutdown(t)
	}
}
