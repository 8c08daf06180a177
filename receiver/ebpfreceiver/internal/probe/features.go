// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// abilities are what the programs use of a kernel where it is there. Without
// them they do the same in another way; docs/kernels.md says in which.
type abilities struct {
	uprobeMulti bool // multi-uprobe links that can be limited to a process: Linux 6.6
	cookies     bool // bpf_get_attach_cookie: Linux 5.15
	exchanges   bool // atomic exchanges: Linux 5.12
	registers   bool // bpf_task_pt_regs: Linux 5.15
	allocator   bool // memory for an element of a hash map when it comes, in any context: Linux 6.1
}

// abilitiesOfKernel asks the running kernel.
func abilitiesOfKernel() abilities {
	return abilities{
		uprobeMulti: haveUprobeMulti(),
		cookies:     features.HaveProgramHelper(ebpf.Kprobe, asm.FnGetAttachCookie) == nil,
		exchanges:   haveExchanges(),
		registers:   features.HaveProgramHelper(ebpf.PerfEvent, asm.FnTaskPtRegs) == nil,
		allocator:   haveAllocator(),
	}
}

func haveExchanges() bool {
	exchange := asm.Xchg.Mem(asm.RFP, asm.R0, asm.DWord, -8)
	exchange.Constant = int64(asm.Xchg >> 8) // the operation as the kernel takes it: Mem leaves that out
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.Kprobe,
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R0, 0),
			asm.StoreMem(asm.RFP, -8, asm.R0, asm.DWord),
			exchange,
			asm.Mov.Imm(asm.R0, 0),
			asm.Return(),
		},
		License: "Dual MIT/GPL",
	})
	if err != nil {
		return false
	}
	_ = program.Close() // it was loaded
	return true
}

// haveAllocator looks whether hash maps have an allocator that never waits (the
// member ma of struct bpf_htab, kernel/bpf/hashtab.c). Such kernels let programs of
// any kind use maps that take the memory of an element when it comes.
func haveAllocator() bool {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return false
	}
	var table *btf.Struct
	if err := kernel.TypeByName("bpf_htab", &table); err != nil {
		return false
	}
	return slices.ContainsFunc(table.Members, func(m btf.Member) bool { return m.Name == "ma" })
}

// lruReserve is how many elements of an LRU map there are to be for each CPU. Before
// Linux 6.17 each one sets 128 aside for itself (LOCAL_FREE_TARGET of
// kernel/bpf/bpf_lru_list.c); where the first CPUs take them all, the others drive
// out what they have just put in.
const lruReserve = 256

// fit makes programs fit the kernel: the kind of link that will attach them, and
// the constants of bpf/headers/features.h, and how the memory of maps is taken.
func (a abilities) fit(spec *ebpf.CollectionSpec) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("counting the CPUs: %w", err)
	}
	for name, has := range map[string]bool{
		"kernel_has_cookies": a.cookies, "kernel_has_exchanges": a.exchanges, "kernel_has_registers": a.registers,
	} {
		variable, ok := spec.Variables[name]
		if !ok {
			continue // of a group that does not need it
		}
		value := uint8(0)
		if has {
			value = 1
		}
		if err := variable.Set(value); err != nil {
			return fmt.Errorf("telling the programs of %s: %w", name, err)
		}
	}
	// The largest map by far: most of it is never in use.
	if goroutines, ok := spec.Maps[spansMapGoroutines]; ok && a.allocator {
		goroutines.Flags |= unix.BPF_F_NO_PREALLOC
	}
	for _, m := range spec.Maps {
		switch m.Type {
		case ebpf.RingBuf: // whole pages
			m.MaxEntries = max(m.MaxEntries, uint32(os.Getpagesize()))
		case ebpf.LRUHash:
			m.MaxEntries = max(m.MaxEntries, lruReserve*uint32(cpus))
		}
	}
	for _, program := range spec.Programs {
		if program.AttachType == ebpf.AttachTraceUprobeMulti && !a.uprobeMulti {
			program.AttachType = ebpf.AttachNone
		}
		if !a.exchanges {
			takeExchangesOut(program.Instructions)
		}
	}
	return nil
}

// takeExchangesOut replaces what a kernel before Linux 5.12 refuses wherever it
// stands: the constants keep it from being executed, but not from being looked
// at (resolve_pseudo_ldimm64 in kernel/bpf/verifier.c). Additions stay.
func takeExchangesOut(instructions asm.Instructions) {
	for i, instruction := range instructions {
		op := instruction.OpCode
		if op.Class() != asm.StXClass || op.Mode() != asm.AtomicMode || op.AtomicOp() == asm.AddAtomic {
			continue
		}
		nothing := asm.Mov.Imm(asm.R0, 0)
		nothing.Metadata = instruction.Metadata
		instructions[i] = nothing
	}
}
