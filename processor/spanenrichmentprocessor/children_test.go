// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package spanenrichmentprocessor

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
)

// What a ledger says of the goroutines that its span started goes onto the span.
func TestGoroutinesThatASpanStarted(t *testing.T) {
	p := startPipelines(t, testConfig(), nil)
	ld, records := recordBatch(shop)
	addLedger(records, 1, 0, 10, mutexLedger())
	addLedger(records, 2, 0, 10, mutexLedger())
	want := map[string]any{
		events.Goroutines: int64(3), events.HandOvers: int64(2), events.CriticalGoroutineID: int64(18), events.CriticalWait: int64(7),
		events.CriticalAge: int64(9), events.CriticalDominant: "sleep", events.CriticalDominantTime: int64(8),
		ledger.CriticalPrefix + "sleep": int64(8), ledger.CriticalPrefix + "on_cpu": int64(1),
	}
	require.NoError(t, func() error {
		merged := records.At(0).Attributes().AsRaw()
		for name, value := range want {
			merged[name] = value
		}
		return records.At(0).Attributes().FromRaw(merged)
	}())
	p.sendLogs(ld)
	td, spans := spanBatch(shop)
	addSpan(spans, "checkout", 1, 0, 10)
	addSpan(spans, "alone", 2, 0, 10)
	p.sendSpans(td)
	told := p.spans(2)
	require.Equal(t, mutexLedger(), requireLedger(t, told["checkout"]))
	for name, value := range want {
		require.Equal(t, value, told["checkout"].Attributes().AsRaw()[name], name)
		require.NotContains(t, told["alone"].Attributes().AsRaw(), name)
	}
}
