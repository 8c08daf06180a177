/* SPDX-License-Identifier: Dual MIT/GPL */
/* What the running kernel has. User space tells before it loads the programs
 * (receiver/ebpfreceiver/internal/probe/features.go): to the verifier these are
 * constants, and it drops the branches that they rule out. */
#pragma once

#include "kernel.h"

/* bpf_get_attach_cookie: Linux 5.15. */
const volatile u8 kernel_has_cookies = 1;

/* bpf_task_pt_regs and bpf_get_current_task_btf: Linux 5.15. */
const volatile u8 kernel_has_registers = 1;

/* Atomic exchanges: Linux 5.12. A kernel without them runs programs of uprobes
 * with preemption disabled (uprobe_perf_func in kernel/trace/trace_uprobe.c), as
 * it does those of tracepoints: a plain access then serves where only a
 * preemption could come in between. User space takes their instructions out. */
const volatile u8 kernel_has_exchanges = 1;

/* Did the word hold what was expected, and does it hold the new value now? */
static __always_inline int exchange_if(u64 *word, u64 expected, u64 value)
{
	if (kernel_has_exchanges)
		return __sync_val_compare_and_swap(word, expected, value) == expected;
	if (*(volatile u64 *)word != expected)
		return 0;
	*(volatile u64 *)word = value;
	return 1;
}

/* A word that others change meanwhile, before all that is read after it. */
static __always_inline u32 read_ordered(u32 *word)
{
	if (kernel_has_exchanges)
		return __sync_fetch_and_add(word, 0);
	u32 value = *(volatile u32 *)word;
	barrier();
	return value;
}

/* Writes a word after all that was written before, for readers on any CPU. A
 * kernel without exchanges does so on amd64, which keeps writes in order. */
static __always_inline void publish(u64 *word, u64 value)
{
	barrier();
	if (kernel_has_exchanges)
		__sync_lock_test_and_set(word, value);
	else
		*(volatile u64 *)word = value;
	barrier();
}
