// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

const (
	// batch is the rows of one block in the benchmarks.
	batch = 8192
	// distinct is how many batches take turns: none is the one before it.
	distinct = 4
)

// The benchmarks measure what a block costs from pdata to what is written to the
// connection; ns/op and allocs/op are per block of 8192 rows, ns/row per row.

func BenchmarkTraces(b *testing.B) {
	batches := make([]ptrace.Traces, distinct)
	g := sampledata.New(1)
	for i := range batches {
		batches[i] = g.Traces(batch)
	}
	block := rows.NewTraces()
	measure(b, func(n int) proto.Input {
		block.Reset()
		block.Append(batches[n%distinct])
		return block.Input()
	})
}

func BenchmarkLogs(b *testing.B) {
	batches := make([]plog.Logs, distinct)
	g := sampledata.New(1)
	for i := range batches {
		batches[i] = g.Logs(batch)
	}
	block := rows.NewLogs()
	measure(b, func(n int) proto.Input {
		block.Reset()
		block.Append(batches[n%distinct])
		return block.Input()
	})
}

func BenchmarkMetrics(b *testing.B) {
	for _, kind := range rows.MetricTypes() {
		b.Run(kind.String(), func(b *testing.B) {
			batches := make([]pmetric.Metrics, distinct)
			g := sampledata.New(1)
			for i := range batches {
				batches[i] = g.Metrics(kind, batch)
			}
			block := rows.NewMetrics()
			measure(b, func(n int) proto.Input {
				block.Reset()
				block.Append(batches[n%distinct])
				return block.Block(kind).Input()
			})
		})
	}
}

func measure(b *testing.B, fill func(n int) proto.Input) {
	for _, method := range []compress.Method{compress.None, compress.LZ4, compress.ZSTD} {
		b.Run(method.String(), func(b *testing.B) {
			var buffer proto.Buffer
			compressor := compress.NewWriter(0, method)
			n := 0
			encode := func() {
				input := rows.Split(fill(n), rows.MaxBlock)[0]
				n++
				buffer.Reset()
				block := proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}
				require.NoError(b, block.EncodeBlock(&buffer, proto.Version, input))
				if method != compress.None {
					require.NoError(b, compressor.Compress(buffer.Buf))
				}
			}
			for range distinct { // buffers grow
				encode()
			}
			b.ReportAllocs()
			for b.Loop() {
				encode()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/row")
			b.ReportMetric(float64(len(buffer.Buf))/batch, "B/row")
			if method != compress.None {
				b.ReportMetric(float64(len(compressor.Data))/batch, "compressed-B/row")
			}
		})
	}
}
