// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			before := ownMaps(t)
			programs, err := Load(test.options)
			require.NoError(t, err)
			defer func() { require.NoError(t, programs.Close()) }()
			total := 0.0
			for id, mib := range ownMaps(t) {
				if _, old := before[id]; !old {
					total += mib
				}
			}
			t.Logf("%.2f MiB", total)
			require.Less(t, total, test.bound)
			require.Greater(t, total, 4.0, "the ring buffer alone takes that")
		})
	}
}

// ownMaps are the sizes, in MiB, of the maps that this process has open, by ID, as
// the kernel tells them of descriptors (bpf_map_show_fdinfo of kernel/bpf/syscall.c).
func ownMaps(t *testing.T) map[uint64]float64 {
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	require.NoError(t, err)
	found := make(map[uint64]float64)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // closed by now
		}
		var id, bytes uint64
		for line := range strings.Lines(string(content)) {
			// What is no such line leaves both as they are.
			_, _ = fmt.Sscanf(line, "map_id: %d", &id)
			_, _ = fmt.Sscanf(line, "memlock: %d", &bytes)
		}
		if id != 0 {
			found[id] = float64(bytes) / (1 << 20)
		}
	}
	return found
}
