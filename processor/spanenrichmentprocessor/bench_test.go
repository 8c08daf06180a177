// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/processor/spanenrichmentprocessor/internal/metadata"
)

// benchSize is how many spans an SDK's batch processor sends at most.
const benchSize = 512

// benchPipelines is a processor whose data goes nowhere.
func benchPipelines(b *testing.B) (processor.Traces, processor.Logs) {
	b.Helper()
	factory := NewFactory()
	set := processortest.NewNopSettings(metadata.Type)
	traces, err := factory.CreateTraces(b.Context(), set, factory.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(b, err)
	logs, err := factory.CreateLogs(b.Context(), set, factory.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, traces.Start(b.Context(), componenttest.NewNopHost()))
	require.NoError(b, logs.Start(b.Context(), componenttest.NewNopHost()))
	b.Cleanup(func() {
		require.NoError(b, traces.Shutdown(context.Background()))
		require.NoError(b, logs.Shutdown(context.Background()))
	})
	return traces, logs
}

func benchTrace(n, i int) pcommon.TraceID {
	return pcommon.TraceID{0: byte(n), 1: byte(n >> 8), 2: byte(n >> 16), 3: byte(i), 4: byte(i >> 8), 15: 1}
}

// benchTraces is the n-th batch of spans, with ten attributes each.
func benchTraces(n int) ptrace.Traces {
	td, spans := spanBatch(shop)
	for i := range benchSize {
		span := addSpan(spans, "GET /checkout", 1, 0, 10)
		span.SetTraceID(benchTrace(n, i))
		for a := range 10 {
			span.Attributes().PutStr(fmt.Sprintf("attribute.%d", a), "a value of some length")
		}
	}
	return td
}

func benchLogs(n int) plog.Logs {
	ld, records := recordBatch(shop)
	for i := range benchSize {
		addLedger(records, 1, 0, 10, mutexLedger())
		records.At(records.Len() - 1).SetTraceID(benchTrace(n, i))
		if i%64 == 0 {
			addRecord(records, events.StopTheWorld, float64(i), float64(i)+0.1)
		}
	}
	return ld
}

// BenchmarkSpan is what one span costs on its way through the traces pipeline.
func BenchmarkSpan(b *testing.B) {
	for name, observed := range map[string]bool{"unobserved": false, "joined": true} {
		b.Run(name, func(b *testing.B) {
			traces, logs := benchPipelines(b)
			b.ReportAllocs()
			for n := range b.N / benchSize {
				b.StopTimer()
				td := benchTraces(n)
				if observed {
					require.NoError(b, logs.ConsumeLogs(b.Context(), benchLogs(n)))
				}
				b.StartTimer()
				require.NoError(b, traces.ConsumeTraces(b.Context(), td))
			}
		})
	}
}

// BenchmarkHeldSpan is what a span costs that waits for its ledger, with the
// cost of the ledger and of the way downstream.
func BenchmarkHeldSpan(b *testing.B) {
	traces, logs := benchPipelines(b)
	require.NoError(b, logs.ConsumeLogs(b.Context(), oneLedger(shop, 9, 0, 10, mutexLedger())))
	e := enrichmentOf(traces)
	b.ReportAllocs()
	for n := range b.N / benchSize {
		b.StopTimer()
		td, ld := benchTraces(n), benchLogs(n)
		b.StartTimer()
		require.NoError(b, traces.ConsumeTraces(b.Context(), td))
		require.NoError(b, logs.ConsumeLogs(b.Context(), ld))
		for e.tally().Held > 0 {
			time.Sleep(10 * time.Microsecond)
		}
	}
}

// BenchmarkRecord is what one record costs on its way through the logs pipeline.
func BenchmarkRecord(b *testing.B) {
	b.Run("ledger", func(b *testing.B) {
		_, logs := benchPipelines(b)
		b.ReportAllocs()
		for n := range b.N / benchSize {
			b.StopTimer()
			ld := benchLogs(n)
			b.StartTimer()
			require.NoError(b, logs.ConsumeLogs(b.Context(), ld))
		}
	})
	b.Run("of an application", func(b *testing.B) {
		_, logs := benchPipelines(b)
		ld, records := recordBatch(shop)
		for range benchSize {
			records.AppendEmpty().Body().SetStr("an application's own")
		}
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, logs.ConsumeLogs(b.Context(), ld))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSize, "ns/record")
	})
}
