/* SPDX-License-Identifier: Dual MIT/GPL */
/* Goroutines that are started within a span: they inherit it, as do those that
 * they start. */
#include "heir.h"
#include "hits.h"

/* The goroutine that the current thread runs, or for which it is on the system
 * stack g0; its entry is 0 where it neither is in a span nor inherits one. */
static __always_inline struct goroutine *who_starts(struct process *p, struct goroutine_key *key, u64 g0)
{
	u64 m = read_word(g0 + p->g_m);
	key->g = m ? read_word(m + p->m_curg) : 0;
	if (!key->g)
		return 0;
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	return s && read_word(key->g + p->g_goid) == s->id ? s : 0;
}

/* The runtime starts goroutines of its own on whichever goroutine it needs them:
 * workers of the garbage collector, finalizers. They are no span's work. */
static __always_inline int is_system(struct process *p, u64 g)
{
	u64 start = read_word(g + p->g_startpc);
	for (u32 i = 0; i < SYSTEM_STARTS; i++) {
		if (p->system_starts[i] && p->system_starts[i] == start)
			return 1;
	}
	return 0;
}

static __always_inline int inherit(struct inheritance *from, struct process *p, struct goroutine_key *key,
				   struct goroutine *s)
{
	struct span *innermost = innermost_span(p, s);
	if (innermost) {
		pass_on(from, p, key, innermost);
		return 1;
	}
	*from = s->from;
	from->channel = 0;
	return inherits_still(p, s) && (open_origin(p, s) || outlives(s));
}

/* In the closure of func newproc(fn *funcval), on the system stack, at its call of
 * func runqput(pp *p, gp *g, next bool): gp is the new goroutine, which is ready
 * and not in any queue yet. */
SPAN_PROBE(goroutine_created)
{
	u64 now = bpf_ktime_get_ns();
	struct goroutine_key creator = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &creator.tgid);
	if (!p)
		return 0;
	struct goroutine *s = who_starts(p, &creator, GO_G(ctx));
	struct goroutine_key key = { .g = GO_ARG2(ctx), .tgid = creator.tgid };
	struct inheritance from = {};
	if (!s || is_system(p, key.g) || !inherit(&from, p, &creator, s))
		return 0;

	forget_goroutine(&key); /* whose end was not seen */
	struct goroutine *new = new_heir(&key, p, &from, now);
	if (!new)
		return 0;
	new->cause = RUNNABLE;
	struct span *origin = origin_of(new);
	if (origin)
		__sync_fetch_and_add(&origin->children, 1);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
