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

// TestDigest makes the digest of every table twice, of other blocks, and of each
// of its rows: it depends on the rows and on nothing else.
func TestDigest(t *testing.T) {
	inputs := func() map[string]proto.Input {
		metrics, logs, traces := NewMetrics(), NewLogs(), NewTraces()
		metrics.Append(rowstest.Metrics())
		logs.Append(rowstest.Logs())
		traces.Append(rowstest.Traces())
		all := map[string]proto.Input{"traces": traces.Input(), "logs": logs.Input()}
		for _, kind := range MetricTypes() {
			all[kind.String()] = metrics.Block(kind).Input()
		}
		return all
	}
	again := inputs()
	for name, input := range inputs() {
		t.Run(name, func(t *testing.T) {
			whole := digestOf(t, input)
			assert.Equal(t, whole, digestOf(t, again[name]))
			assert.Equal(t, whole, digestOf(t, appendParts(nil, input, 0, input[0].Data.Rows(), MaxBlock)[0]))
			for _, column := range input {
				if inferable, ok := column.Data.(proto.Inferable); ok && column.Data.Type() == proto.ColumnTypeDateTime {
					require.NoError(t, inferable.Infer("DateTime64(9)"))
				}
			}
			assert.Equal(t, whole, digestOf(t, input), "the precision of the server's times is not the rows'")
			digests := map[uint64]bool{whole: true}
			for _, part := range Split(input, 1) {
				digests[digestOf(t, part)] = true
			}
			assert.Len(t, digests, 1+input[0].Data.Rows(), "each row has its own")
		})
	}
}

// TestDigestKnowsWhereValuesEnd has the same bytes in other rows and columns.
func TestDigestKnowsWhereValuesEnd(t *testing.T) {
	digests := map[uint64]bool{}
	for _, texts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc"}, {"ABC"}} {
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for _, text := range texts {
			records.AppendEmpty().Body().SetStr(text)
		}
		block := NewLogs()
		block.Append(logs)
		digests[digestOf(t, block.Input())] = true
	}
	assert.Len(t, digests, 5)
}

// digestOf is the digest of columns, which it leaves as they are.
func digestOf(t *testing.T, input proto.Input) uint64 {
	t.Helper()
	before := encoded(t, input)
	d := NewDigester()
	first, bytes, err := d.Digest(input)
	require.NoError(t, err)
	again, _, err := d.Digest(input)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.InDelta(t, len(before), bytes, float64(64*len(input)+8*input[0].Data.Rows()*len(input)), "but for types and times")
	assert.Equal(t, before, encoded(t, input))
	return first
}
