/* SPDX-License-Identifier: Dual MIT/GPL */
/* The end of a goroutine. */
#pragma once

#include "request.h"

/* The goroutine's time ends with it: requests that never finished are told,
 * spans of an SDK are counted, since their own end never came. */
static __always_inline void goroutine_exits(struct goroutine *s, struct process *p, struct goroutine_key *key,
					    u32 tid, u64 now)
{
	spend(s, key->tgid, now);
	release_thread(s, key);
	u32 unfinished = s->depth;
	if (unfinished && s->spans[0].kind == SPAN_REQUEST) {
		unfinished--;
		if (!s->spans[0].sdk_inside)
			tell_request(p, s, key->tgid, tid, 0);
	}
	count_many(UNFINISHED_SPANS, unfinished);
	bpf_map_delete_elem(&goroutines, key);
}
