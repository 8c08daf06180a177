// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"encoding/binary"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// TestSeedsAreHostile names what the seeds of the fuzz tests have between them.
func TestSeedsAreHostile(t *testing.T) {
	seen := map[string]bool{}
	for _, seed := range rowstest.Seeds() {
		for _, sign := range []byte{1, 2, 3} {
			s := rowstest.NewScript(append([]byte{sign}, seed...))
			s.Traces()
			s.Logs()
			s.Metrics()
			for what := range s.Seen {
				seen[what] = true
			}
		}
	}
	for _, what := range []string{
		"invalid UTF-8", "control characters", "10 MiB", "lengths around those of varints", "a thousand attributes",
		"deep nesting", "reversed times", "metrics without points", "metrics without a type",
		"buckets that do not fit their bounds", "negative offsets",
	} {
		assert.True(t, seen[what], what)
	}
}

// FuzzHostile makes blocks of telemetry that no SDK sends. Each is read again by
// another implementation, whole and in parts, and is the same when its columns were
// used before.
func FuzzHostile(f *testing.F) {
	for _, seed := range rowstest.Seeds() {
		f.Add(append([]byte{3}, seed...))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		s := rowstest.NewScript(script)
		traces := rows.NewTraces()
		spans := s.Traces()
		again(t, traces, func() { traces.Append(spans) })
		require.Equal(t, spans.SpanCount(), readable(t, traces.Input()))

		logs := rows.NewLogs()
		s = rowstest.NewScript(script)
		records := s.Logs()
		again(t, logs, func() { logs.Append(records) })
		require.Equal(t, records.LogRecordCount(), readable(t, logs.Input()))

		metrics := rows.NewMetrics()
		s = rowstest.NewScript(script)
		points := s.Metrics()
		metrics.Append(points)
		count := 0
		for _, kind := range rows.MetricTypes() {
			count += readable(t, metrics.Block(kind).Input())
		}
		require.Equal(t, points.DataPointCount(), count)
	})
}

// again fills a block twice.
func again(t *testing.T, block rows.MetricBlock, fill func()) {
	t.Helper()
	fill()
	first := encode(t, block.Input())
	block.Reset()
	fill()
	require.Equal(t, first, encode(t, block.Input()))
}

// readable reads a block as it is sent, and its parts, and is the number of rows.
func readable(t *testing.T, input proto.Input) int {
	t.Helper()
	whole := decode(t, encode(t, input))
	var parts []string
	for _, part := range rows.Split(input, 4096) {
		parts = append(parts, decode(t, encode(t, part))...)
	}
	if len(whole) == 0 {
		return 0
	}
	require.Equal(t, whole, parts)
	return len(whole)
}

// TestDeepNesting has a value nested as deep as 1 MiB of OTLP can have it, 65,000
// lists in one another. Time and memory grow with the depth, and no faster.
func TestDeepNesting(t *testing.T) {
	value := []byte{}
	// An AnyValue with an ArrayValue (field 5) of one value (field 1), inside out.
	var reversed []byte
	for len(reversed) < 1<<20 {
		for _, tag := range []byte{1<<3 | 2, 5<<3 | 2} {
			length := binary.AppendUvarint(nil, uint64(len(reversed)))
			for i := len(length) - 1; i >= 0; i-- {
				reversed = append(reversed, length[i])
			}
			reversed = append(reversed, tag)
		}
	}
	for i := len(reversed) - 1; i >= 0; i-- {
		value = append(value, reversed[i])
	}
	message := value
	for _, tag := range []byte{5<<3 | 2, 2<<3 | 2, 2<<3 | 2, 1<<3 | 2} { // body, log record, scope, resource
		message = append(binary.AppendUvarint([]byte{tag}, uint64(len(message))), message...)
	}
	logs, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(message)
	require.NoError(t, err)
	require.Equal(t, 1, logs.LogRecordCount())
	block := rows.NewLogs()
	block.Append(logs)
	assert.Len(t, decode(t, encode(t, block.Input())), 1)
}
