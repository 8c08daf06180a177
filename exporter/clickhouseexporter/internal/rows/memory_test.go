// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"runtime"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

// BenchmarkHeld measures the memory that a batch of 8192 rows holds, beside its bytes
// on the wire before compression: the columns, after the garbage collector has run.
// ns/op is of no interest.
func BenchmarkHeld(b *testing.B) {
	g := sampledata.New(1)
	spans, records := g.Traces(batch), g.Logs(batch)
	b.Run("traces", func(b *testing.B) {
		hold(b, func() (any, proto.Input) {
			block := rows.NewTraces()
			block.Append(spans)
			return block, block.Input()
		})
	})
	b.Run("logs", func(b *testing.B) {
		hold(b, func() (any, proto.Input) {
			block := rows.NewLogs()
			block.Append(records)
			return block, block.Input()
		})
	})
	for _, kind := range rows.MetricTypes() {
		points := g.Metrics(kind, batch)
		b.Run(kind.String(), func(b *testing.B) {
			hold(b, func() (any, proto.Input) {
				block := rows.NewMetrics()
				block.Append(points)
				return block, block.Block(kind).Input()
			})
		})
	}
}

func hold(b *testing.B, fill func() (any, proto.Input)) {
	var held, wire float64
	for b.Loop() {
		before := inUse()
		block, input := fill()
		held = float64(inUse()) - float64(before)
		require.Equal(b, batch, input[0].Data.Rows())
		wire = float64(len(encode(b, input)))
		runtime.KeepAlive(block)
	}
	b.ReportMetric(held/batch, "held-B/row")
	b.ReportMetric(wire/batch, "wire-B/row")
	b.ReportMetric(held/wire, "held/wire")
}

// inUse is the bytes of the heap that are in use.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what the first one found to be finalized, or in pools
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
