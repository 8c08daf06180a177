// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rows"
	"github.com/fathom-otel/fathom/exporter/clickhouseexporter/internal/rowstest"
)

// FuzzAppend converts whatever OTLP can say: every span, record and data point
// is a row of a block that another implementation can read.
func FuzzAppend(f *testing.F) {
	traces, err := new(ptrace.ProtoMarshaler).MarshalTraces(rowstest.Traces())
	require.NoError(f, err)
	f.Add(traces)
	logs, err := new(plog.ProtoMarshaler).MarshalLogs(rowstest.Logs())
	require.NoError(f, err)
	f.Add(logs)
	metrics, err := new(pmetric.ProtoMarshaler).MarshalMetrics(rowstest.Metrics())
	require.NoError(f, err)
	f.Add(metrics)

	profiles, err := new(pprofile.ProtoMarshaler).MarshalProfiles(rowstest.Profiles())
	require.NoError(f, err)
	f.Add(profiles)

	f.Fuzz(func(t *testing.T, otlp []byte) {
		if traces, err := new(ptrace.ProtoUnmarshaler).UnmarshalTraces(otlp); err == nil {
			for _, layout := range []rows.Layout{{}, {JSON: true}} {
				block := layout.NewTraces()
				block.Append(traces)
				require.Len(t, decode(t, encode(t, block.Input())), traces.SpanCount())
			}
		}
		if logs, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(otlp); err == nil {
			for _, layout := range []rows.Layout{{}, {JSON: true}} {
				block := layout.NewLogs()
				block.Append(logs)
				require.Len(t, decode(t, encode(t, block.Input())), logs.LogRecordCount())
			}
		}
		if profiles, err := new(pprofile.ProtoUnmarshaler).UnmarshalProfiles(otlp); err == nil {
			block := rows.NewProfiles()
			block.Append(profiles)
			require.Len(t, decode(t, encode(t, block.Input())), profiles.SampleCount())
		}
		if metrics, err := new(pmetric.ProtoUnmarshaler).UnmarshalMetrics(otlp); err == nil {
			block := rows.NewMetrics()
			block.Append(metrics)
			points := 0
			for _, kind := range rows.MetricTypes() {
				points += len(decode(t, encode(t, block.Block(kind).Input())))
			}
			require.Equal(t, metrics.DataPointCount(), points)
		}
	})
}
