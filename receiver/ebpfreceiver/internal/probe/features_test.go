// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/require"
)

// Every constant of bpf/headers/features.h is set, and programs for a kernel
// without exchanges hold none.
func TestProgramsFitOldKernels(t *testing.T) {
	for name, load := range map[string]func() (*ebpf.CollectionSpec, error){
		"spans": loadSpans, "scheduler": loadScheduler, "syscalls": loadSyscalls, "world": loadWorld,
		"rpc": loadRpc, "clients": loadClients, "rpcclients": loadRpcclients, "network": loadNetwork,
		"http2": loadHttp2, "children": loadChildren, "profile": loadProfile, "sql": loadSql,
		"setup": loadSetup, "sdkspans": loadSdkspans, "looks": loadLooks,
		"block": loadBlock,
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := load()
			require.NoError(t, err)
			require.NotEmpty(t, spec.Variables, "the group asks for what the kernel has")
			before := exchanges(spec)
			require.NoError(t, abilities{uprobeMulti: true, cookies: true, exchanges: true, registers: true, allocator: true}.fit(spec))
			requireConstants(t, spec, 1)
			require.Equal(t, before, exchanges(spec))
			require.NoError(t, abilities{}.fit(spec))
			requireConstants(t, spec, 0)
			require.Zero(t, exchanges(spec))
			t.Logf("%d exchanges were taken out", before)
		})
	}
}

func requireConstants(t *testing.T, spec *ebpf.CollectionSpec, want uint8) {
	t.Helper()
	for name, variable := range spec.Variables {
		var value uint8
		require.NoError(t, variable.Get(&value))
		require.Equal(t, want, value, name)
	}
}

func exchanges(spec *ebpf.CollectionSpec) int {
	n := 0
	for _, program := range spec.Programs {
		for _, instruction := range program.Instructions {
			op := instruction.OpCode
			if op.Class() == asm.StXClass && op.Mode() == asm.AtomicMode && op.AtomicOp() != asm.AddAtomic {
				n++
			}
		}
	}
	return n
}
