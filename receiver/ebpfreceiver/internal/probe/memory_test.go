// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
)

// TestMemoryOfMaps holds what the maps take of the kernel's memory before anything
// is observed, which the collector's cgroup is charged, to a bound: with the map of
// goroutines as it is on kernels before Linux 6.1, too.
func TestMemoryOfMaps(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		bound   float64 // MiB
	}{
		"what the kernel has":     {Options{}, 40},
		"no more than Linux 5.10": {Options{abilities: &abilities{}}, 90},
	} {
		t.Run(name, func(t *testing.T) {
			before := mapsOfKernel(t)
			programs, err := Load(test.options)
			require.NoError(t, err)
			defer func() { require.NoError(t, programs.Close()) }()
			total := 0.0
			for id, info := range mapsOfKernel(t) {
				if before[id] != nil {
					continue
				}
				bytes, told := info.Memlock()
				require.True(t, told)
				mib := float64(bytes) / (1 << 20)
				total += mib
				if mib > 1 {
					t.Logf("%-16s %6.2f MiB", info.Name, mib)
				}
			}
			t.Logf("%-16s %6.2f MiB", "all", total)
			require.Less(t, total, test.bound)
			require.Positive(t, total)
		})
	}
}

// mapsOfKernel are those of the kernel.
func mapsOfKernel(t *testing.T) map[ebpf.MapID]*ebpf.MapInfo {
	found := make(map[ebpf.MapID]*ebpf.MapInfo)
	for id := ebpf.MapID(0); ; {
		next, err := ebpf.MapGetNextID(id)
		if err != nil {
			require.ErrorIs(t, err, os.ErrNotExist)
			return found
		}
		id = next
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			continue // gone by now
		}
		found[id], err = m.Info()
		require.NoError(t, err)
		require.NoError(t, m.Close())
	}
}
