/* SPDX-License-Identifier: Dual MIT/GPL */
/* Which goroutine the current thread runs, by the thread itself: the runtime
 * keeps its g in thread-local storage. It needs no probe on the scheduler. */
#pragma once

#include "goroutine.h"

static __always_inline u64 thread_g(struct process *p)
{
#if defined(__TARGET_ARCH_x86)
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	return p->tls_g ? read_word(BPF_CORE_READ(task, thread.fsbase) + p->tls_g) : 0;
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

/* The goroutine in a span that the current thread runs, and its key; 0 where there
 * is none. On a system stack, as in C code, it is the one for which the thread is
 * there. */
static __always_inline struct goroutine *find_goroutine_of_thread(struct process *p, u32 tgid,
								  struct goroutine_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->g = thread_g(p);
	key->tgid = tgid;
	if (!key->g)
		return 0;
	struct goroutine *s = entry_of(p, key);
	if (s)
		return s;
	u64 m = read_word(key->g + p->g_m);
	u64 current = m ? read_word(m + p->m_curg) : 0;
	if (!current || current == key->g)
		return 0;
	key->g = current;
	return entry_of(p, key);
}

static __always_inline struct goroutine *goroutine_of_thread(struct process *p, u32 tgid)
{
	struct goroutine_key key;
	return find_goroutine_of_thread(p, tgid, &key);
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
