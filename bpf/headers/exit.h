/* SPDX-License-Identifier: Dual MIT/GPL */
/* The end of a goroutine. */
#pragma once

#include "executing.h"
#include "in_span.h"
#include "inherit.h"
#include "request.h"
#include "rpc.h"

static __always_inline void tell_aborted(struct goroutine *s, struct process *p, struct goroutine_key *key,
					 u32 tid)
{
	if (s->spans[0].sdk_inside)
		return;
	if (s->spans[0].kind == SPAN_RPC)
		tell_rpc(p, s, key->tgid, tid, RPC_ABORTED, NO_STATUS);
	else
		tell_request(p, s, key->tgid, tid, 0);
}

/* The goroutine's time ends with it: requests that never finished are told,
 * spans of an SDK are counted, since their own end never came. */
static __always_inline void goroutine_exits(struct goroutine *s, struct process *p, struct goroutine_key *key,
					    u32 tid, u64 now)
{
	book(s, p, key, tid, now);
	release_thread(s, key);
	u32 unfinished = s->depth;
	if (unfinished && is_incoming(s->spans[0].kind)) {
		unfinished--;
		tell_aborted(s, p, key, tid);
	}
	count_many(UNFINISHED_SPANS, unfinished);
	give_place(s);
	unfollow(s, key);
	disinherit(s, key);
	bpf_map_delete_elem(&goroutines, key);
}
