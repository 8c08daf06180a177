// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
)

// Processes whose IDs share a bit are observed until the last of them is not.
func TestBitsOfObservedProcesses(t *testing.T) {
	bits, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: observedBits / 64})
	require.NoError(t, err, "this needs root on a kernel that loads BPF")
	defer bits.Close()
	is := func(pid uint32) bool {
		var word uint64
		require.NoError(t, bits.Lookup(pid%observedBits/64, &word))
		return word>>(pid%64)&1 == 1
	}
	var m marks
	const one, other = uint32(77), uint32(77 + 3*observedBits)
	require.NoError(t, m.add(bits, one))
	require.NoError(t, m.add(bits, other))
	require.NoError(t, m.add(bits, 78))
	require.True(t, is(one) && is(other) && is(78))
	require.False(t, is(76))
	require.NoError(t, m.remove(bits, one))
	require.True(t, is(other), "it shares the bit of one that has gone")
	require.NoError(t, m.remove(bits, other))
	require.False(t, is(other))
	require.True(t, is(78))
	require.Empty(t, m.processes[77])
}
