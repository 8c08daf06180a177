// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/collector/receiver/xreceiver"
	"go.uber.org/goleak"

	"github.com/fathom-otel/fathom/internal/shared"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultClient.CloseIdleConnections()
		os.Exit(code)
	}))
}

func TestFactory(t *testing.T) {
	factory := NewFactory()
	require.Equal(t, "ebpf", factory.Type().String())
	require.NoError(t, componenttest.CheckConfigStruct(factory.CreateDefaultConfig()))
	require.Equal(t, metadata.TracesStability, factory.TracesStability())
	require.Equal(t, metadata.ProfilesStability, factory.(xreceiver.Factory).ProfilesStability())
}

func TestSignalsOfOneIDShareAReceiver(t *testing.T) {
	factory := NewFactory()
	set, config := receivertest.NewNopSettings(metadata.Type), factory.CreateDefaultConfig().(*Config)
	config.Targets = []TargetConfig{{PID: os.Getpid()}} // itself, which is never observed
	traces, err := factory.CreateTraces(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	metrics, err := factory.CreateMetrics(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	profiles, err := factory.(xreceiver.Factory).CreateProfiles(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	receiverOf := func(c component.Component) *ebpfReceiver {
		return c.(*shared.Hold[component.ID, *ebpfReceiver]).Value()
	}
	require.Same(t, receiverOf(traces), receiverOf(metrics))
	require.Same(t, receiverOf(traces), receiverOf(logs))
	require.Same(t, receiverOf(traces), receiverOf(profiles))
	for _, started := range []component.Component{traces, metrics, logs, profiles} {
		require.NoError(t, started.Start(t.Context(), componenttest.NewNopHost()))
	}
	require.NoError(t, traces.Shutdown(t.Context()))
	require.NoError(t, logs.Shutdown(t.Context()))
	require.NoError(t, metrics.Shutdown(t.Context()))
	require.NoError(t, profiles.Shutdown(t.Context()))
}

func TestShutdownWithoutStart(t *testing.T) {
	logs, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), createDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, logs.Shutdown(t.Context()))
}

// A reload makes a new receiver: it finds the same processes, and nothing of
// the old one stays.
func TestReloadsLeaveNothingBehind(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	cycle := func() {
		h := observe(t, nil, TargetConfig{Executable: binary})
		h.awaitAttached(1)
		_, _, err := target.Get("/sleep/1", nil)
		require.NoError(t, err)
		h.awaitSpan("/sleep/1")
		h.stop()
		require.Zero(t, h.counter("processes_attached", "", ""))
	}
	cycle()
	before := openFiles(t)
	for range 5 {
		cycle()
	}
	require.LessOrEqual(t, openFiles(t), before)
}

func openFiles(t *testing.T) int {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}

// What was seen before a shutdown is delivered by it.
func TestShutdownDelivers(t *testing.T) {
	binary := targettest.Build(t)
	target := targettest.Start(t, binary)
	h := observe(t, nil, TargetConfig{Executable: binary})
	h.awaitAttached(1)
	const requests = 50
	for range requests {
		_, _, err := target.Get("/nothing", nil)
		require.NoError(t, err)
	}
	h.stop()
	require.Len(t, h.spans(), requests)
}
