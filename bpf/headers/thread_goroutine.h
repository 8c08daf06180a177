/* SPDX-License-Identifier: Dual MIT/GPL */
/* Which goroutine the current thread runs, by the thread itself: the runtime
 * keeps its g in thread-local storage. It needs no probe on the scheduler. */
#pragma once

#include "goroutine.h"

#if defined(__TARGET_ARCH_x86)
/* Of the current thread's TLS. A read by the kernel's types costs a tenth of a copy. */
static __always_inline u64 thread_base(void)
{
	if (kernel_has_registers)
		return ((struct task_struct *)bpf_get_current_task_btf())->thread.fsbase;
	return BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), thread.fsbase);
}
#endif

static __always_inline u64 thread_g(struct process *p)
{
#if defined(__TARGET_ARCH_x86)
	return p->tls_g ? read_word(thread_base() + p->tls_g) : 0;
#else
	return 0; /* without cgo, arm64 has it in a register only */
#endif
}

/* The entry of g, if it still is the goroutine that the entry was made for. */
static __always_inline struct goroutine *entry_of(struct process *p, struct goroutine_key *key)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	return s && read_word(key->g + p->g_goid) == s->id ? s : 0;
}

/* The goroutine in a span, or that was started within one, that the current thread
 * runs, 0 where there is none; key.g is whichever goroutine it runs, 0 where none.
 * On a system stack, as in C code, it is the one for which the thread is there. */
static __always_inline struct goroutine *goroutine_of_thread(struct process *p, u32 tgid,
							     struct goroutine_key *key)
{
	*key = (struct goroutine_key){ .g = thread_g(p), .tgid = tgid };
	if (!key->g)
		return 0;
	struct goroutine *s = entry_of(p, key);
	if (s)
		return s;
	u64 before = key->g, m = read_word(before + p->g_m);
	key->g = m ? read_word(m + p->m_curg) : 0;
	return key->g && key->g != before ? entry_of(p, key) : 0;
}

/* The ID of the goroutine that the current thread runs, in a span or not; 0 where
 * it runs none, or the thread does not tell. */
static __always_inline u64 goroutine_id_of_thread(struct process *p)
{
	u64 g = thread_g(p);
	u64 m = g ? read_word(g + p->g_m) : 0;
	u64 current = m ? read_word(m + p->m_curg) : 0;
	return current ? read_word(current + p->g_goid) : 0;
}
