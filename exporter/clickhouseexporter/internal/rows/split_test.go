// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// encoded is columns as they are sent.
func encoded(t *testing.T, input proto.Input) []byte {
	t.Helper()
	var buffer proto.Buffer
	block := proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}
	require.NoError(t, block.EncodeRawBlock(&buffer, 54453, input))
	return buffer.Buf
}

// TestSplit makes each row of every table a part, and compares it with the
// block that holds this row alone.
func TestSplit(t *testing.T) {
	metrics := NewMetrics()
	metrics.Append(rowstest.Metrics())
	logs := NewLogs()
	logs.Append(rowstest.Logs())
	traces := NewTraces()
	traces.Append(rowstest.Traces())
	inJSON := Layout{JSON: true}
	tracesJSON, logsJSON := inJSON.NewTraces(), inJSON.NewLogs()
	tracesJSON.Append(rowstest.Traces())
	logsJSON.Append(rowstest.Logs())
	profiles := NewProfiles()
	profiles.Append(rowstest.Profiles())
	inputs := map[string]proto.Input{
		"profiles": profiles.Input(),
		"traces":   traces.Input(), "logs": logs.Input(),
		"traces in JSON": tracesJSON.Input(), "logs in JSON": logsJSON.Input(),
	}
	for _, kind := range MetricTypes() {
		inputs[kind.String()] = metrics.Block(kind).Input()
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			rows := input[0].Data.Rows()
			whole := Split(input, MaxBlock)
			require.Len(t, whole, 1)
			assert.Equal(t, &input[0], &whole[0][0], "what fits is not cut")

			parts := Split(input, 1)
			require.Len(t, parts, rows)
			sum := 0
			for row, part := range parts {
				require.Len(t, part, len(input))
				for i, column := range part {
					assert.Equal(t, input[i].Name, column.Name)
					assert.Equal(t, input[i].Data.Type(), column.Data.Type())
					assert.Equal(t, 1, column.Data.Rows(), column.Name)
				}
				sum += size(input, row, row+1)
				assert.GreaterOrEqual(t, size(input, row, row+1)+overhead(part), len(encoded(t, part)))
			}
			assert.GreaterOrEqual(t, sum, size(input, 0, rows))
			assert.GreaterOrEqual(t, size(input, 0, rows)+overhead(input), len(encoded(t, input)))
			// Each row of each half is that row.
			for from, to := range map[int]int{0: rows / 2, rows / 2: rows} {
				half := Window(input, from, to)
				for row := range to - from {
					assert.Equal(t, encoded(t, parts[from+row]), encoded(t, Window(half, row, row+1)))
				}
			}
			// The parts of one that is all of it are all of it.
			all := appendParts(nil, input, 0, rows, MaxBlock)
			require.Len(t, all, 1)
			assert.Equal(t, encoded(t, input), encoded(t, all[0]))
		})
	}
}

// overhead is what a block has besides its rows: names, types, and the numbers
// before each column.
func overhead(input proto.Input) int {
	sum := 0
	for _, column := range input {
		sum += len(column.Name) + len(column.Data.Type()) + 64
	}
	return sum
}

// TestSplitKeepsOrder cuts rows of unequal size.
func TestSplitKeepsOrder(t *testing.T) {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	sizes := []int{10, 10, 5000, 10, 3000, 3000, 10, 10}
	for n, size := range sizes {
		record := records.AppendEmpty()
		record.Body().SetStr(string(append(make([]byte, size), byte('a'+n))))
		record.Attributes().PutStr("n", string(rune('a'+n)))
	}
	block := NewLogs()
	block.Append(logs)
	var bodies, values string
	const limit = 5000
	for _, part := range Split(block.Input(), limit) {
		rows := part[0].Data.Rows()
		assert.True(t, rows == 1 || size(part, 0, rows) <= limit)
		for _, column := range part {
			switch column.Name {
			case "Body":
				for _, body := range decoded(t, column.Data.(*text)) {
					bodies += body[len(body)-1:]
				}
			case "LogAttributes":
				for _, value := range decoded(t, &column.Data.(*attributes).values) {
					values += value
				}
			}
		}
	}
	assert.Equal(t, "abcdefgh", bodies)
	assert.Equal(t, "abcdefgh", values)
}

// decoded is what a column holds, as ch-go reads it.
func decoded(t *testing.T, c *text) []string {
	t.Helper()
	var buffer proto.Buffer
	c.EncodeColumn(&buffer)
	var read proto.ColStr
	require.NoError(t, read.DecodeColumn(buffer.Reader(), c.Rows()))
	all := make([]string, read.Rows())
	for i := range all {
		all[i] = read.Row(i)
	}
	return all
}
