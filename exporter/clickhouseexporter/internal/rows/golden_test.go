// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden encodes awkward data and lets another implementation, the one of
// clickhouse-go, read it back.
func TestGolden(t *testing.T) {
	traces := rows.NewTraces()
	traces.Append(rowstest.Traces())
	logs := rows.NewLogs()
	logs.Append(rowstest.Logs())
	metrics := rows.NewMetrics()
	metrics.Append(rowstest.Metrics())
	profiles := rows.NewProfiles()
	profiles.Append(rowstest.Profiles())
	inJSON := rows.Layout{JSON: true}
	tracesJSON, logsJSON := inJSON.NewTraces(), inJSON.NewLogs()
	tracesJSON.Append(rowstest.Traces())
	logsJSON.Append(rowstest.Logs())

	for name, input := range map[string]proto.Input{
		"otel_traces":                        traces.Input(),
		"otel_logs":                          logs.Input(),
		"otel_profiles":                      profiles.Input(),
		"otel_traces_json":                   tracesJSON.Input(),
		"otel_logs_json":                     logsJSON.Input(),
		"otel_metrics_gauge":                 metrics.Gauge.Input(),
		"otel_metrics_sum":                   metrics.Sum.Input(),
		"otel_metrics_summary":               metrics.Summary.Input(),
		"otel_metrics_histogram":             metrics.Histogram.Input(),
		"otel_metrics_exponential_histogram": metrics.ExponentialHistogram.Input(),
	} {
		t.Run(name, func(t *testing.T) {
			got := rowstest.Join(decode(t, encode(t, input)))
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestCorrections(t *testing.T) {
	traces := rows.NewTraces()
	traces.Append(rowstest.Traces())
	assert.Equal(t, rows.Corrections{rows.NegativeDuration: 1}, traces.Corrected())

	logs := rows.NewLogs()
	logs.Append(rowstest.Logs())
	assert.Equal(t, rows.Corrections{rows.SeverityOutOfRange: 2}, logs.Corrected())

	metrics := rows.NewMetrics()
	metrics.Append(rowstest.Metrics())
	assert.Equal(t, rows.Corrections{rows.TimeOutOfRange: 1}, metrics.Gauge.Corrected())
	assert.Equal(t, rows.Corrections{rows.TimeOutOfRange: 1}, metrics.Sum.Corrected())
	assert.Equal(t, rows.Corrections{}, metrics.Summary.Corrected())
	assert.Equal(t, 1, metrics.Untyped)
	assert.Equal(t, "no type", metrics.FirstUntyped)
	assert.Equal(t, int64(1), logs.EventNames())
	assert.Equal(t, []string{rows.EventNameColumn}, logs.Optional())
	assert.Len(t, rows.Without(logs.Input(), logs.Optional()), len(logs.Input())-1)
}

// TestReuse proves that a block that was reset encodes like a new one.
func TestReuse(t *testing.T) {
	traces, logs, metrics, profiles := rows.NewTraces(), rows.NewLogs(), rows.NewMetrics(), rows.NewProfiles()
	var first, second [][]byte
	for _, encoded := range []*[][]byte{&first, &second} {
		traces.Append(rowstest.Traces())
		logs.Append(rowstest.Logs())
		metrics.Append(rowstest.Metrics())
		profiles.Append(rowstest.Profiles())
		*encoded = append(*encoded, encode(t, traces.Input()), encode(t, logs.Input()), encode(t, profiles.Input()))
		for _, kind := range rows.MetricTypes() {
			*encoded = append(*encoded, encode(t, metrics.Block(kind).Input()))
		}
		traces.Reset()
		logs.Reset()
		metrics.Reset()
		profiles.Reset()
		assert.Zero(t, profiles.Rows()+traces.Rows()+logs.Rows()+metrics.Gauge.Rows())
		assert.Equal(t, rows.Corrections{}, traces.Corrected())
		assert.Zero(t, metrics.Untyped)
	}
	assert.Equal(t, first, second)
}

func TestBlockOfUnknownType(t *testing.T) {
	assert.Nil(t, rows.NewMetrics().Block(pmetric.MetricTypeEmpty))
}

// encode is the block as it goes over the wire, without compression.
func encode(t testing.TB, input proto.Input) []byte {
	var buffer proto.Buffer
	block := proto.Block{Info: proto.BlockInfo{BucketNum: -1}, Columns: len(input), Rows: input[0].Data.Rows()}
	require.NoError(t, block.EncodeBlock(&buffer, proto.Version, input))
	return bytes.Clone(buffer.Buf)
}

func decode(t testing.TB, encoded []byte) []string {
	block := driver.NewBlock()
	require.NoError(t, block.Decode(proto.NewReader(bytes.NewReader(encoded)), uint64(proto.Version)))
	printed := make([]string, block.Rows())
	for row := range printed {
		values := make([]any, len(block.Columns))
		for i, column := range block.Columns {
			if column.Type() == "Array(JSON)" { // which has no Row
				var texts []string
				require.NoError(t, column.ScanRow(&texts, row))
				values[i] = texts
				continue
			}
			values[i] = column.Row(row, false)
		}
		printed[row] = rowstest.Row(block.ColumnsNames(), values)
	}
	return printed
}
