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

// BenchmarkFrames compresses a block of spans beside ch-go's compressor, whose frame
// is the block; ns/row is per span.
func BenchmarkFrames(b *testing.B) {
	const spans = 8192
	traces := rows.NewTraces()
	traces.Append(sampledata.New(1).Traces(spans))
	var raw proto.Buffer
	block := proto.Block{Columns: len(traces.Input()), Rows: spans}
	require.NoError(b, block.EncodeBlock(&raw, proto.Version, traces.Input()))
	report := func(b *testing.B, bytes int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spans, "ns/row")
		b.ReportMetric(float64(bytes)/spans, "compressed-B/row")
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
