// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package allocations

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// laidOut is the layout of Go 1.26, with its variables at 0x1000.
func laidOut() *Layout {
	return &Layout{
		buckets: 0x1000, rate: 0x1008, bucketSize: 48, allNext: 8, size: 32, frames: 40,
		allocs: 0, frees: 8, recordEnd: 16,
	}
}

// memory is words from 0x1000 on; what is beyond is not mapped.
type memory []uint64

func (m memory) ReadAt(address uint64, buffer []byte) error {
	all := make([]byte, 0, 8*len(m))
	for _, word := range m {
		all = binary.LittleEndian.AppendUint64(all, word)
	}
	at := address - 0x1000
	if at > uint64(len(all)) || uint64(len(buffer)) > uint64(len(all))-at {
		return procmem.ErrFault
	}
	copy(buffer, all[at:])
	return nil
}

// bucket is one in memory, with its stack and record.
func bucket(next, size uint64, stack []uint64, allocs, frees uint64) memory {
	return append(append(memory{0, next, 1, 0, size, uint64(len(stack))}, stack...), allocs, frees)
}

func TestReadBuckets(t *testing.T) {
	deep := make([]uint64, 200) // more than is read at once
	for i := range deep {
		deep[i] = uint64(i)
	}
	head := memory{0x1010, 512 << 10}
	first := bucket(0x1010+8*9, 64, []uint64{7}, 5, 2)
	second := bucket(0x1010+8*9+8*208, 32, deep, 3, 3)
	unused := bucket(0, 16, nil, 0, 0)
	all := append(append(append(head, first...), second...), unused...)
	var got []Bucket
	reading, err := NewReader().Read(laidOut(), all, 0, func(b *Bucket) {
		one := *b
		one.Stack = append([]uint64(nil), b.Stack...)
		got = append(got, one)
	})
	require.NoError(t, err)
	require.Equal(t, Reading{Rate: 512 << 10}, reading)
	require.Equal(t, []Bucket{
		{Address: 0x1010, Size: 64, Allocs: 5, Frees: 2, Stack: []uint64{7}},
		{Address: 0x1010 + 8*9, Size: 32, Allocs: 3, Frees: 3, Stack: deep},
	}, got)
}

func TestReadIsBounded(t *testing.T) {
	circle := append(memory{0x1010, 1}, bucket(0x1010, 8, nil, 1, 0)...)
	reading, err := NewReader().Read(laidOut(), circle, 0, func(*Bucket) {})
	require.NoError(t, err)
	require.True(t, reading.Cut)

	for name, memory := range map[string]memory{
		"a stack without end": append(memory{0x1010, 1}, 0, 0, 0, 0, 8, 1<<40),
		"an odd address":      {0x1011, 1},
		"no memory":           {0x2000, 1},
		"no list":             nil,
	} {
		_, err := NewReader().Read(laidOut(), memory, 0, func(*Bucket) {})
		require.Error(t, err, name)
	}
}

// The figures are those of scaleHeapSample in runtime/pprof.
func TestScale(t *testing.T) {
	for _, test := range []struct {
		objects, size, rate uint64
		want                Count
	}{
		{0, 16, 512 << 10, Count{}},
		{3, 16, 1, Count{3, 48}},
		{1, 16, 512 << 10, Count{32768, 524296}},
		{2, 1 << 20, 512 << 10, Count{2, 2425393}},
		{1, 1 << 30, 512 << 10, Count{1, 1 << 30}},
	} {
		require.Equal(t, test.want, Scale(test.objects, test.size, test.rate), "%+v", test)
	}
}

func TestResolve(t *testing.T) {
	open := func(arguments ...string) *goexec.Binary {
		binary, err := goexec.Open(targettest.Build(t, arguments...))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, binary.Close()) })
		return binary
	}
	l, err := Resolve(open())
	require.NoError(t, err)
	want := laidOut()
	want.buckets, want.rate = l.buckets, l.rate
	require.Equal(t, want, l)
	stripped, err := Resolve(open("-ldflags=-s -w"))
	require.NoError(t, err)
	want.buckets, want.rate = stripped.buckets, stripped.rate
	require.Equal(t, want, stripped)
	_, err = Resolve(open("-ldflags=-s -w -X runtime.buildVersion=go1.26.99"))
	require.ErrorIs(t, err, goexec.ErrNoOffset, "a release whose structs nobody has seen")
	for _, version := range []string{"go1.20.14", "go1.28.0", "devel"} {
		require.ErrorContains(t, checkVersion(version), version)
	}
}
