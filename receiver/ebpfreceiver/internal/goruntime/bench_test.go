// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package goruntime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// BenchmarkRead is one read of all metrics, of programs with few and with many
// goroutines, and with none of them read one by one.
func BenchmarkRead(b *testing.B) {
	path := build{}.target(b)
	for _, program := range []struct {
		name          string
		spawn         int // 1000 goroutines each
		maxGoroutines int
	}{{"11 goroutines", 0, 10_000}, {"1000 goroutines", 1, 10_000}, {"10000 goroutines", 10, 11_000}, {"10000 goroutines, not read", 10, 0}} {
		b.Run(program.name, func(b *testing.B) {
			tt := start(b, path)
			for range program.spawn {
				tt.do("spawn")
			}
			tt.reader.maxGoroutines = program.maxGoroutines
			var s Snapshot
			b.ReportAllocs()
			for b.Loop() {
				if err := tt.reader.Read(&s); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(s.ints[goroutineCount]), "goroutines")
		})
	}
}

func BenchmarkAppendTo(b *testing.B) {
	tt := start(b, build{}.target(b))
	var s Snapshot
	require.NoError(b, tt.reader.Read(&s))
	b.ReportAllocs()
	for b.Loop() {
		s.AppendTo(pmetric.NewMetricSlice(), time.Unix(1, 0), time.Unix(2, 0))
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, name := range []string{"plain", "stripped", "pie stripped"} {
		b.Run(name, func(b *testing.B) {
			path := kinds()[name].target(b)
			b.ReportAllocs()
			for b.Loop() {
				binary, err := goexec.Open(path)
				require.NoError(b, err)
				require.Empty(b, Resolve(binary).Missing())
				require.NoError(b, binary.Close())
			}
		})
	}
}
