// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package allocations

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/profile"
)

// self is this very test's executable.
func self(t *testing.T) profile.Target {
	t.Helper()
	binary, err := goexec.Open("/proc/self/exe")
	require.NoError(t, err)
	code, err := profile.Resolve(binary)
	require.NoError(t, err)
	require.NoError(t, binary.Close())
	file, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return profile.Target{Code: code, Executable: file, Bias: 1 << 40}
}

// What was allocated is told once, also where a reading failed halfway.
func TestSitesAfterAReadingThatFailed(t *testing.T) {
	target, start := self(t), time.Now()
	l := laidOut()
	l.buckets, l.rate = l.buckets-target.Bias, l.rate-target.Bias
	list := func(allocs uint64) memory {
		first := bucket(0x1010+8*9, 64, []uint64{7}, allocs, 0)
		return append(append(memory{0x1010, 1}, first...), bucket(0, 64, []uint64{9}, 1, 0)...)
	}
	sites := NewSites(start)
	read := func(m memory) (time.Time, error) {
		return sites.Read(NewReader(), l, m, target, start.Add(time.Minute))
	}
	_, err := read(list(2))
	require.NoError(t, err)
	require.Len(t, sites.Top(10), 2)

	_, err = read(list(5)[:2+9]) // the second one is not mapped
	require.Error(t, err)
	since, err := read(list(5))
	require.NoError(t, err)
	require.Equal(t, start.Add(time.Minute), since)
	top := sites.Top(10)
	require.Len(t, top, 1)
	require.Equal(t, Count{3, 3 * 64}, top[0].Allocated)
	require.Equal(t, Count{5, 5 * 64}, top[0].InUse)

	_, err = read(list(5))
	require.NoError(t, err)
	require.Empty(t, sites.Top(10))
}

// endless is the memory of a process that makes up deep buckets.
type endless struct{ buckets uint64 }

const endlessStride = 1 << 16

func (e endless) ReadAt(address uint64, buffer []byte) error {
	clear(buffer)
	words := map[uint64]uint64{0: endlessStride, 8: 1} // those before the buckets
	if i := address / endlessStride; i > 0 {
		words = map[uint64]uint64{8: address + endlessStride, 32: 64, 40: maxFrames, 48 + 8*maxFrames: 1}
		if i == e.buckets {
			words[8] = 0
		}
	}
	for at, word := range words {
		if at -= min(at, address%endlessStride); at+8 <= uint64(len(buffer)) {
			binary.LittleEndian.PutUint64(buffer[at:], word)
		}
	}
	return nil
}

func TestSitesAreBounded(t *testing.T) {
	target := self(t)
	l := laidOut()
	l.buckets, l.rate = -target.Bias, 8-target.Bias
	sites := NewSites(time.Now())
	for range 2 {
		_, err := sites.Read(NewReader(), l, endless{maxKept/maxFrames + 10}, target, time.Now())
		require.NoError(t, err)
		require.True(t, sites.Reading().Cut)
		require.Len(t, sites.Profile(target).Samples, maxKept/maxFrames)
	}
	fits := NewSites(time.Now())
	_, err := fits.Read(NewReader(), l, endless{maxKept / maxFrames}, target, time.Now())
	require.NoError(t, err)
	require.False(t, fits.Reading().Cut)
}
