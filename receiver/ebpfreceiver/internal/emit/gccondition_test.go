// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/gcwatch"
)

func TestGCConditions(t *testing.T) {
	for name, test := range map[string]struct {
		breach gcwatch.Breach
		want   map[string]any
	}{
		"stops": {gcwatch.Breach{Rule: gcwatch.Rule{PauseOver: 1}, Start: 10, End: 30, Count: 3, Worst: 7, Reason: "start trace"},
			map[string]any{"fathom.duration": int64(20), "fathom.go.gc.condition.rule": "pause_over", "fathom.go.gc.condition.count": int64(3),
				"fathom.go.gc.condition.worst_pause": int64(7), "fathom.go.stop_the_world.reason": "start trace"}},
		"collections": {gcwatch.Breach{Rule: gcwatch.Rule{Cycles: 1}, Start: 10, End: 30, Count: 4},
			map[string]any{"fathom.duration": int64(20), "fathom.go.gc.condition.rule": "cycles", "fathom.go.gc.condition.count": int64(4)}},
		"assists": {gcwatch.Breach{Rule: gcwatch.Rule{AssistPercent: 1, Within: time.Second}, Start: 10, End: 30, Count: 5, AssistPercent: 12.5},
			map[string]any{"fathom.duration": int64(20), "fathom.go.gc.condition.rule": "assist_percent", "fathom.go.gc.condition.count": int64(5),
				"fathom.go.gc.condition.assist_percent": 12.5}},
	} {
		t.Run(name, func(t *testing.T) {
			batch := newBatch(NewCycles())
			batch.AddGCCondition(shop(), test.breach)
			log := batch.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
			require.Equal(t, events.GCCondition, log.EventName())
			require.Equal(t, "WARN", log.SeverityText())
			require.Equal(t, boot().Add(30), log.Timestamp().AsTime())
			require.Equal(t, test.want, log.Attributes().AsRaw())
		})
	}
}
