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

func BenchmarkRead(b *testing.B) {
	tt := start(b, build{}.target(b))
	tt.do("grow")
	var s Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if err := tt.reader.Read(&s); err != nil {
			b.Fatal(err)
		}
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
	path := build{}.target(b)
	b.ReportAllocs()
	for b.Loop() {
		binary, err := goexec.Open(path)
		require.NoError(b, err)
		require.Empty(b, Resolve(binary).Missing())
		require.NoError(b, binary.Close())
	}
}
