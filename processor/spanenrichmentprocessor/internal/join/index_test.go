// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package join

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// TestIndexIsAMap: it has what a map has, whatever is added and removed, and in
// whatever order; and it becomes neither fuller than it may nor, after a peak, emptier.
func TestIndexIsAMap(t *testing.T) {
	const ids = 3000
	random := rand.New(rand.NewPCG(1, 2))
	x, want := newIndex(), map[pcommon.TraceID]*trace{}
	most := 0
	for step := range 200_000 {
		var id pcommon.TraceID
		binary.LittleEndian.PutUint32(id[:], random.Uint32N(ids))
		known := want[id]
		require.Same(t, known, x.find(&id), "step %d", step)
		grows := step/20_000%2 == 0 // and shrinks for as long
		switch {
		case known == nil && (grows || random.IntN(4) == 0):
			want[id] = &trace{id: id}
			x.add(want[id])
		case known != nil && (!grows || random.IntN(4) == 0):
			delete(want, id)
			x.remove(known)
		}
		require.Equal(t, len(want), x.used)
		require.LessOrEqual(t, 4*x.used, 3*len(x.slots))
		require.True(t, 16*x.used >= 3*len(x.slots) || len(x.slots) == firstSlots, "%d of %d slots", x.used, len(x.slots))
		most = max(most, x.used)
	}
	for id, known := range want {
		require.Same(t, known, x.find(&id))
	}
	t.Logf("%d traces at most, %d at the end, %d slots", most, x.used, len(x.slots))
	require.Greater(t, most, ids/2)
	for _, known := range want {
		x.remove(known)
	}
	require.Len(t, x.slots, firstSlots)
}
