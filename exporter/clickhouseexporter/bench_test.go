// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/internal/enginetest"
)

// BenchmarkPush stores batches of 8192 rows in a real engine on this machine,
// one after the other: ns/op holds the engine's time, allocs/op is the
// exporter's alone.
func BenchmarkPush(b *testing.B) {
	const rows = 8192
	cfg := synchronous(enginetest.Start(b))
	cfg.AsyncInsert = false
	b.Run("traces", func(b *testing.B) {
		e, err := NewFactory().CreateTraces(b.Context(), settings(), cfg)
		require.NoError(b, err)
		require.NoError(b, e.Start(b.Context(), componenttest.NewNopHost()))
		batch := numbered(0, rows)
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, e.ConsumeTraces(b.Context(), batch))
		}
		require.NoError(b, e.Shutdown(b.Context()))
	})
	b.Run("logs", func(b *testing.B) {
		e, err := NewFactory().CreateLogs(b.Context(), settings(), cfg)
		require.NoError(b, err)
		require.NoError(b, e.Start(b.Context(), componenttest.NewNopHost()))
		batch := plog.NewLogs()
		records := batch.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for range rows {
			records.AppendEmpty().Body().SetStr("an order was paid")
		}
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, e.ConsumeLogs(b.Context(), batch))
		}
		require.NoError(b, e.Shutdown(b.Context()))
	})
	b.Run("metrics", func(b *testing.B) {
		e, err := NewFactory().CreateMetrics(b.Context(), settings(), cfg)
		require.NoError(b, err)
		require.NoError(b, e.Start(b.Context(), componenttest.NewNopHost()))
		batch := pmetric.NewMetrics()
		points := batch.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().
			Metrics().AppendEmpty().SetEmptySum().DataPoints()
		for n := range rows {
			points.AppendEmpty().SetIntValue(int64(n))
		}
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, e.ConsumeMetrics(b.Context(), batch))
		}
		require.NoError(b, e.Shutdown(b.Context()))
	})
}
