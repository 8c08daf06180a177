// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goroutines

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTracesOfAGroup(t *testing.T) {
	f := follow(DefaultLimits())
	f.dump(sight(1, receiving, 0), sight(2, receiving, 0), sight(3, receiving, 0), sight(4, receiving, 0), sight(5, sleeping, 0), sight(6, receiving, 0))
	traces := map[uint64][16]byte{1: {9}, 2: {7}, 3: {9}, 5: {5}, 6: {8}, 70: {9}}
	group := f.group(t, receiving)
	require.Equal(t, Origins{Traces: [][16]byte{{9}, {7}, {8}}, Distinct: 3, Goroutines: 4}, f.Origins(&group, traces))

	f.dump(sight(3, sleeping, 1), sight(5, sleeping, 0))
	group = f.group(t, sleeping)
	require.Equal(t, Origins{Traces: [][16]byte{{5}, {9}}, Distinct: 2, Goroutines: 2}, f.Origins(&group, traces))
	require.Empty(t, f.Origins(&group, nil))
}

func TestTracesAreBounded(t *testing.T) {
	f := follow(DefaultLimits())
	traces := map[uint64][16]byte{}
	var all []sighting
	for id := range uint64(100) {
		traces[id] = [16]byte{0: 1, 15: byte(id / 2)}
		all = append(all, sight(id, receiving, 0))
	}
	f.dump(all...)
	group := f.group(t, receiving)
	o := f.Origins(&group, traces)
	require.Len(t, o.Traces, MaxTraces)
	require.Equal(t, 50, o.Distinct)
	require.Equal(t, 100, o.Goroutines)
}
