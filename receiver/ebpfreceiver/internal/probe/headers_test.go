// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

func TestNumbersAreThoseOfThePrograms(t *testing.T) {
	header := headertest.Constants(t, "process.h")
	for name, p := range map[string]plan.Plan{
		"PROCESS_TRACEPARENT":    {SwissHeaders: true},
		"PROCESS_STOP_ARGUMENTS": {StopArguments: true},
		"PROCESS_HTTP2":          {HTTP2: true},
		"PROCESS_WORLD_RUNS":     {Probes: map[plan.Probe]uint64{plan.WorldRuns: 1, plan.WorldRunsOther: 2}},
		"PROCESS_SDK_SPANS":      {Probes: map[plan.Probe]uint64{plan.SDKSpanEnded: 1}},
	} {
		require.Contains(t, header, name)
		require.EqualValues(t, header[name], flags(&p), name)
	}
	require.EqualValues(t, header["PROCESS_LEDGER"], flagLedger)
	require.EqualValues(t, header["OBSERVED_BITS"], observedBits)
	clocks := headertest.Constants(t, "executing.h")
	require.Contains(t, clocks, "CLOCKS_RUN")
	require.EqualValues(t, clocks["CLOCKS_RUN"], clocksRun)
	require.EqualValues(t, clocks["CLOCKS_NEEDED"], clocksNeeded)
	require.EqualValues(t, header["PROCESS_LOOKS"], flagLooks)
	require.EqualValues(t, headertest.Constants(t, "records.h")["WAKE_UP_BYTES"], enoughBytes)
	states := headertest.Constants(t, "records.h")
	require.EqualValues(t, states["READER_WAITS"], readerWaits)
	require.EqualValues(t, states["READER_RESTS"], readerRests)
	places := headertest.Constants(t, "in_span.h")
	require.EqualValues(t, places["PART_PLACES"], partPlaces)
	require.EqualValues(t, places["IN_SPAN_PLACES"], parts*partPlaces)
	for name, flag := range map[string]uint32{"PROCESS_TRAFFIC": flagTraffic, "PROCESS_HTTP": flagHTTP, "PROCESS_GRPC": flagGRPC, "PROCESS_SQL": flagSQL, "PROCESS_DISKS": flagDisks, "PROCESS_SIGNALS": flagSignals} {
		require.Contains(t, header, name)
		require.EqualValues(t, header[name], flag, name)
	}
	for name, target := range map[string]Target{
		"PROCESS_TRAFFIC": {Events: Events{Traffic: true}, Protocols: []plan.Protocol{"none"}},
		"PROCESS_DISKS":   {Events: Events{Disks: true}, Protocols: []plan.Protocol{"none"}},
		"PROCESS_SIGNALS": {Events: Events{Signals: true}, Protocols: []plan.Protocol{"none"}},
		"PROCESS_HTTP":    {Protocols: []plan.Protocol{plan.HTTP}},
		"PROCESS_GRPC":    {Protocols: []plan.Protocol{plan.GRPC}},
		"PROCESS_SQL":     {Protocols: []plan.Protocol{plan.Queries}},
	} {
		var d spansProcess
		target.Plan = &plan.Plan{}
		target.describeSettings(&d)
		require.EqualValues(t, header[name], d.Flags, name)
	}
	header = headertest.Constants(t, "goroutine.h")
	for name, told := range map[string]int{"SPAN_REQUEST": 0, "SPAN_SDK": 1} {
		require.Contains(t, header, name)
		span := spansGoroutine{Depth: 1}
		span.Spans[0].Kind, span.Spans[0].SdkInside = uint32(header[name]), 1
		require.Equal(t, told, openSpans(&span), name)
	}
}
