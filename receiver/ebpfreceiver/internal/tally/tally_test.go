// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestStorms(t *testing.T) {
	start := time.Unix(1000, 0)
	p := NewProcess(start)
	preempts, urgent := Signal{syscall.SIGURG, true}, Signal{syscall.SIGURG, false}
	child, odd := Signal{syscall.SIGCHLD, false}, Signal{40, false}
	first := Reading{Signals: map[Signal]uint64{preempts: 90, urgent: 10, child: 99}}
	require.Equal(t, []Storm{{"SIGURG", start, start.Add(time.Second), 100, 90}}, p.Add(first, 100, start.Add(time.Second)),
		"both kinds of SIGURG count for it")
	require.Empty(t, p.Add(first, 100, start.Add(2*time.Second)), "nothing was added")
	second := Reading{Signals: map[Signal]uint64{preempts: 91, urgent: 10, child: 300, odd: 100}}
	require.Equal(t, []Storm{
		{"SIGCHLD", start.Add(2 * time.Second), start.Add(3 * time.Second), 201, 0},
		{"signal 40", start.Add(2 * time.Second), start.Add(3 * time.Second), 100, 0},
	}, p.Add(second, 100, start.Add(3*time.Second)))
	require.Empty(t, p.Add(first, 100, start.Add(4*time.Second)), "counts that begin anew are none")
	third := Reading{Signals: map[Signal]uint64{child: 10_000}}
	require.Empty(t, p.Add(third, 0, start.Add(5*time.Second)), "none are wanted")
}

func TestMetrics(t *testing.T) {
	start := time.Unix(1000, 0)
	p := NewProcess(start)
	metrics := pmetric.NewMetricSlice()
	p.AppendTo(metrics)
	require.Zero(t, metrics.Len(), "nothing was counted")

	p.Add(Reading{
		Requests: map[Disk]Sum{{"vda", true}: {3, 4096, 1500 * time.Millisecond}, {"vdb", false}: {1, 512, time.Second}},
		Waits:    Sum{Count: 2, Time: 250 * time.Millisecond},
		Signals:  map[Signal]uint64{{syscall.SIGURG, true}: 7, {syscall.SIGURG, false}: 2, {syscall.SIGHUP, false}: 1},
	}, 0, start.Add(time.Second))
	p.AppendTo(metrics)
	got := map[string]string{}
	for i, definition := range Definitions() {
		metric := metrics.At(i)
		require.Equal(t, definition, Definition{metric.Name(), metric.Unit(), metric.Description()})
		require.True(t, metric.Sum().IsMonotonic())
		for _, point := range metric.Sum().DataPoints().All() {
			require.Equal(t, start, point.StartTimestamp().AsTime().Local())
			require.Equal(t, start.Add(time.Second), point.Timestamp().AsTime().Local())
			value := fmt.Sprint(point.IntValue())
			if point.ValueType() == pmetric.NumberDataPointValueTypeDouble {
				value = fmt.Sprint(point.DoubleValue())
			}
			got[fmt.Sprint(metric.Name(), point.Attributes().AsRaw())] = value
		}
	}
	require.Equal(t, map[string]string{
		"process.disk.iomap[disk.io.direction:write system.device:vda]":                    "4096",
		"process.disk.iomap[disk.io.direction:read system.device:vdb]":                     "512",
		"fathom.process.disk.operationsmap[disk.io.direction:write system.device:vda]":     "3",
		"fathom.process.disk.operationsmap[disk.io.direction:read system.device:vdb]":      "1",
		"fathom.process.disk.operation_timemap[disk.io.direction:write system.device:vda]": "1.5",
		"fathom.process.disk.operation_timemap[disk.io.direction:read system.device:vdb]":  "1",
		"fathom.process.disk.waitsmap[]":                                                   "2",
		"fathom.process.disk.wait_timemap[]":                                               "0.25",
		"fathom.process.signalsmap[fathom.signal.name:SIGURG]":                             "9",
		"fathom.process.signalsmap[fathom.signal.name:SIGHUP]":                             "1",
		"fathom.go.preemptionsmap[]":                                                       "7",
	}, got)
}
