// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// rated is a processor whose clock is that of the traffic.
type rated struct {
	traces     processor.Traces
	logs       processor.Logs
	enrichment *enrichment
	begin      time.Time
	elapsed    atomic.Int64
}

func newRated(tb testing.TB, config *Config) *rated {
	tb.Helper()
	factory := NewFactory()
	set := processortest.NewNopSettings(metadata.Type)
	p := &rated{begin: time.Now()}
	var err error
	p.traces, err = factory.CreateTraces(tb.Context(), set, config, consumertest.NewNop())
	require.NoError(tb, err)
	p.logs, err = factory.CreateLogs(tb.Context(), set, config, consumertest.NewNop())
	require.NoError(tb, err)
	p.enrichment = enrichmentOf(p.traces)
	p.enrichment.now = func() time.Time { return p.begin.Add(time.Duration(p.elapsed.Load())) }
	require.NoError(tb, p.traces.Start(tb.Context(), componenttest.NewNopHost()))
	require.NoError(tb, p.logs.Start(tb.Context(), componenttest.NewNopHost()))
	tb.Cleanup(func() {
		require.NoError(tb, p.traces.Shutdown(context.Background()))
		require.NoError(tb, p.logs.Shutdown(context.Background()))
	})
	return p
}

// send makes a call at its time.
func (p *rated) send(tb testing.TB, c *call) {
	p.elapsed.Store(int64(c.at))
	var err error
	if c.isLogs {
		err = p.logs.ConsumeLogs(tb.Context(), c.logs)
	} else {
		err = p.traces.ConsumeTraces(tb.Context(), c.traces)
	}
	require.NoError(tb, err)
}

// idle tells whether nothing waits to be sent downstream.
func (p *rated) idle() bool {
	s := p.traces.(*tracesProcessor).sender
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) == 0
}
