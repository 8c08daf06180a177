// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package frames

import (
	"io"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/internal/sampledata"
)

// counter counts what is written.
type counter struct{ bytes int }

func (c *counter) Write(p []byte) (int, error) { c.bytes += len(p); return len(p), nil }

var _ io.Writer = (*counter)(nil)

// perBlock is the rows of a block in the benchmarks.
const perBlock = 8192

// BenchmarkFrames compresses a block of spans, and one of logs, beside ch-go's
// compressor, whose frame is the block; ns/row is per span or log record.
func BenchmarkFrames(b *testing.B) {
	g := sampledata.New(1)
	traces, logs := rows.NewTraces(), rows.NewLogs()
	traces.Append(g.Traces(perBlock))
	logs.Append(g.Logs(perBlock))
	b.Run("spans", func(b *testing.B) { benchmarkFrames(b, traces.Input()) })
	b.Run("logs", func(b *testing.B) { benchmarkFrames(b, logs.Input()) })
}

func benchmarkFrames(b *testing.B, input proto.Input) {
	var raw proto.Buffer
	block := proto.Block{Columns: len(input), Rows: perBlock}
	require.NoError(b, block.EncodeBlock(&raw, proto.Version, input))
	report := func(b *testing.B, bytes int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perBlock, "ns/row")
		b.ReportMetric(float64(len(raw.Buf))/perBlock, "B/row")
		b.ReportMetric(float64(bytes)/perBlock, "compressed-B/row")
	}
	for _, method := range methods {
		b.Run(method.String()+"/frames", func(b *testing.B) {
			var sent counter
			w, err := NewWriter(&sent, method, 0)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				sent.bytes = 0
				_, err := w.Write(raw.Buf)
				require.NoError(b, err)
				require.NoError(b, w.Flush())
			}
			report(b, sent.bytes)
		})
		b.Run(method.String()+"/ch-go", func(b *testing.B) {
			w := compress.NewWriter(0, method)
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, w.Compress(raw.Buf))
			}
			report(b, len(w.Data))
		})
	}
}
