/* SPDX-License-Identifier: Dual MIT/GPL */
/* A goroutine that begins to inherit a span. */
#pragma once

#include "inherit.h"
#include "span.h"

/* Makes its entry, which it has none of, 0 where there is no room. */
static __always_inline struct goroutine *new_heir(struct goroutine_key *key, struct process *p,
						  struct inheritance *from, u64 now)
{
	struct child child = { .handed = from->channel != 0 };
	READ_USER(child.id, key->g + p->g_goid);
	__builtin_memcpy(child.trace_id, from->trace_id, 16);
	if (bpf_map_update_elem(&children, key, &child, BPF_ANY)) {
		count(DROPPED_CHILDREN_FULL);
		return 0;
	}
	struct goroutine *s = new_goroutine(key, p, now);
	if (!s) {
		bpf_map_delete_elem(&children, key);
		return 0;
	}
	s->from = *from;
	return s;
}
