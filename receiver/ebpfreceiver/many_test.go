// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// BenchmarkAttach is what an observed process costs the collector: time until it is
// attached, memory of the Go heap, descriptors. All processes run one program.
func BenchmarkAttach(b *testing.B) {
	const n = 100
	binary := targettest.Build(b)
	for range n {
		targettest.Start(b, binary)
	}
	var took, heapTaken, filesTaken float64
	for b.Loop() {
		config := createDefaultConfig()
		config.Targets = []TargetConfig{{Executable: binary}}
		telemetry := componenttest.NewTelemetry()
		settings := receivertest.NewNopSettings(metadata.Type)
		settings.TelemetrySettings = telemetry.NewTelemetrySettings()
		r, err := newReceiver(settings, config, nil)
		require.NoError(b, err)
		r.sinks.traces, r.sinks.logs, r.sinks.metrics = consumertest.NewNop(), consumertest.NewNop(), consumertest.NewNop()
		heap, files, began := measure(b, 0), count(b), time.Now()
		require.NoError(b, r.Start(b.Context(), componenttest.NewNopHost()))
		for attached(telemetry) < n {
			time.Sleep(10 * time.Millisecond)
		}
		took = float64(time.Since(began).Milliseconds()) / n
		heapTaken, filesTaken = float64(measure(b, heap))/n/1024, float64(count(b)-files)/n
		require.NoError(b, r.Shutdown(b.Context()))
		require.NoError(b, telemetry.Shutdown(b.Context()))
	}
	b.ReportMetric(took, "ms/process")
	b.ReportMetric(heapTaken, "heap-KiB/process")
	b.ReportMetric(filesTaken, "descriptors/process")
}

func attached(telemetry *componenttest.Telemetry) int64 {
	m, err := telemetry.GetMetric(metadata.Prefix + "processes_attached")
	if err != nil {
		return 0 // none yet
	}
	return m.Data.(metricdata.Sum[int64]).DataPoints[0].Value
}

// measure is the heap in use above what it was.
func measure(b *testing.B, before uint64) uint64 {
	b.Helper()
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return now.HeapAlloc - min(before, now.HeapAlloc)
}

func count(b *testing.B) int {
	b.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(b, err)
	return len(files)
}
