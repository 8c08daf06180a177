// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/goleak"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFactory(t *testing.T) {
	factory := NewFactory()
	assert.Equal(t, metadata.Type, factory.Type())
	assert.Equal(t, component.StabilityLevelAlpha, factory.TracesStability())
	assert.Equal(t, component.StabilityLevelAlpha, factory.LogsStability())
	_, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), factory.CreateDefaultConfig(), consumertest.NewNop())
	assert.ErrorIs(t, err, pipeline.ErrSignalNotSupported)
	assert.True(t, create(t, factory, component.NewID(metadata.Type), consumertest.NewNop())[0].(processor.Traces).Capabilities().MutatesData)
}

func TestShutdownDeliversWhatWasConsumed(t *testing.T) {
	factory := NewFactory()
	processortest.VerifyShutdown(t, factory, factory.CreateDefaultConfig())
}

// create makes a traces and a logs processor of one component ID. They are
// shut down with the test, if not before.
func create(t *testing.T, factory processor.Factory, id component.ID, next consumer.Traces) []component.Component {
	t.Helper()
	set := processortest.NewNopSettings(metadata.Type)
	set.ID = id
	config := factory.CreateDefaultConfig().(*Config)
	config.Wait = time.Hour
	config.Retention = time.Hour
	traces, err := factory.CreateTraces(t.Context(), set, config, next)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, config, consumertest.NewNop())
	require.NoError(t, err)
	components := []component.Component{traces, logs}
	t.Cleanup(func() { stop(t, components) })
	return components
}

func start(t *testing.T, components []component.Component) {
	t.Helper()
	for _, c := range components {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	}
}

func stop(t *testing.T, components []component.Component) {
	t.Helper()
	for _, c := range components {
		assert.NoError(t, c.Shutdown(context.Background()))
	}
}

func enrichmentOf(c component.Component) *enrichment {
	switch p := c.(type) {
	case *tracesProcessor:
		return p.enrichment
	case *logsProcessor:
		return p.shared.Value()
	}
	return nil
}

// TestStateIsSharedByComponentID: one for all pipelines of an ID, another for
// another ID, and a new one after a reload.
func TestStateIsSharedByComponentID(t *testing.T) {
	factory := NewFactory()
	first := create(t, factory, component.NewID(metadata.Type), consumertest.NewNop())
	second := create(t, factory, component.NewID(metadata.Type), consumertest.NewNop())
	other := create(t, factory, component.NewIDWithName(metadata.Type, "other"), consumertest.NewNop())
	shared := enrichmentOf(first[0])
	assert.Same(t, shared, enrichmentOf(first[1]))
	assert.Same(t, shared, enrichmentOf(second[0]))
	assert.NotSame(t, shared, enrichmentOf(other[0]))

	start(t, append(first, second...))
	stop(t, first)
	stop(t, first) // twice counts once
	select {
	case <-shared.stopped:
		t.Fatal("stopped while a pipeline uses it")
	default:
	}
	stop(t, second)
	<-shared.stopped

	reloaded := create(t, factory, component.NewID(metadata.Type), consumertest.NewNop())
	assert.NotSame(t, shared, enrichmentOf(reloaded[0]))
}

// TestReload: what SIGHUP does. Held spans are delivered, the pipelines that
// come after work, and begin with an empty store.
func TestReload(t *testing.T) {
	factory := NewFactory()
	for range 3 {
		sink := new(consumertest.TracesSink)
		components := create(t, factory, component.NewID(metadata.Type), sink)
		start(t, components)
		traces, logs := components[0].(processor.Traces), components[1].(processor.Logs)
		require.NoError(t, traces.ConsumeTraces(t.Context(), oneSpan(shop, "unobserved", 1, 0, 10)))
		assert.Equal(t, 1, sink.SpanCount(), "nothing is known from before")
		require.NoError(t, logs.ConsumeLogs(t.Context(), oneLedger(shop, 2, 0, 10, mutexLedger())))
		require.NoError(t, traces.ConsumeTraces(t.Context(), oneSpan(shop, "held", 3, 0, 10)))
		assert.Equal(t, 1, sink.SpanCount())
		stop(t, components)
		assert.Equal(t, 2, sink.SpanCount())
	}
}
