// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goroutines"
)

func waitingGroup() goroutines.Group {
	return goroutines.Group{
		Count: 120, Settled: 100, StateText: "chan receive", ID: 7, Parent: 1, Age: time.Minute, Waiting: 50 * time.Second,
		Stack:       []goexec.Call{{Function: "runtime.gopark", File: "/go/proc.go", Line: 1}, {Function: "main.wait", File: "/m.go", Line: 9}},
		GoStatement: goexec.Call{Function: "main.start", File: "/m.go", Line: 5},
	}
}

func wantedGroup(duration time.Duration) map[string]any {
	return map[string]any{
		events.Duration:          int64(duration),
		events.GoroutineLive:     int64(130),
		events.GoroutineCount:    int64(120),
		events.GoroutineState:    "chan receive",
		events.GoroutineAge:      int64(time.Minute),
		events.GoroutineWait:     int64(50 * time.Second),
		events.GoroutineID:       int64(7),
		events.GoroutineParentID: int64(1),
		events.FunctionName:      "main.start",
		events.CodeFilePath:      "/m.go",
		events.LineNumber:        int64(5),
		events.Stacktrace:        "goroutine 7 [chan receive]:\nmain.wait(...)\n\t/m.go:9\ncreated by main.start in goroutine 1\n\t/m.go:5\n",
	}
}

func TestGoroutines(t *testing.T) {
	dump := Dump{Start: boot(), End: boot().Add(3 * time.Millisecond), Live: 130}
	group := waitingGroup()
	growth := goroutines.Leak{Group: group, By: goroutines.ByGrowth, Grew: 90, Window: 150 * time.Second}
	threshold := goroutines.Leak{Group: group, By: goroutines.ByThreshold}
	unknown := goroutines.Group{Count: 1, StateText: "running", ID: 9}

	batch := newBatch(nil)
	batch.AddGroup(shop(), dump, &group)
	p := shop()
	batch.AddLeak(p, dump, &growth, &goroutines.Origins{Traces: [][16]byte{{15: 1}, {15: 2}}, Distinct: 9, Goroutines: 12})
	batch.AddLeak(p, dump, &threshold, &goroutines.Origins{})
	batch.AddGroup(p, dump, &unknown)
	require.Equal(t, 2, batch.Logs().ResourceLogs().Len(), "one for each process")
	first := batch.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	require.Equal(t, events.GoroutineGroup, first.EventName())
	require.Equal(t, plog.SeverityNumberInfo, first.SeverityNumber())
	require.Equal(t, wantedGroup(3*time.Millisecond), first.Attributes().AsRaw())
	require.Equal(t, pcommon.NewTimestampFromTime(dump.End), first.Timestamp())
	require.True(t, first.TraceID().IsEmpty())

	rest := batch.Logs().ResourceLogs().At(1).ScopeLogs().At(0).LogRecords()
	require.Equal(t, 3, rest.Len())
	want := wantedGroup(150 * time.Second)
	want[events.GoroutineLeakRule], want[events.GoroutineGrowth] = "growth", int64(90)
	want[events.TraceIDs] = []any{"00000000000000000000000000000001", "00000000000000000000000000000002"}
	want[events.GoroutineTraces], want[events.GoroutineTraced] = int64(9), int64(12)
	require.Equal(t, events.GoroutineLeak, rest.At(0).EventName())
	require.Equal(t, plog.SeverityNumberWarn, rest.At(0).SeverityNumber())
	require.Equal(t, "WARN", rest.At(0).SeverityText())
	require.Equal(t, want, rest.At(0).Attributes().AsRaw())

	want = wantedGroup(3 * time.Millisecond)
	want[events.GoroutineLeakRule] = "threshold"
	require.Equal(t, want, rest.At(1).Attributes().AsRaw())

	for _, absent := range []string{events.GoroutineParentID, events.FunctionName, events.CodeFilePath, events.LineNumber} {
		require.NotContains(t, rest.At(2).Attributes().AsRaw(), absent)
	}
}
