/* SPDX-License-Identifier: Dual MIT/GPL */
/* What a goroutine has of the span in which it was started. */
#pragma once

#include "innermost.h"

/* For how long, ns, from when it is first seen to have outlived its span, what a
 * goroutine does is of that span's trace: one that was started to stay, such as a
 * worker, does other things by then. */
#define OUTLIVING 60000000000ULL

static __always_inline int inherits(struct goroutine *s)
{
	return s->from.owner.g != 0;
}

/* The span that the goroutine inherits while that is on the stack of its own, 0
 * afterwards. One that an SDK ended on another goroutine stays there. */
static __always_inline struct span *origin_of(struct goroutine *s)
{
	struct goroutine *owner = bpf_map_lookup_elem(&goroutines, &s->from.owner);
	if (!owner)
		return 0;
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		if (i < owner->depth && owner->spans[i].start == s->from.start)
			return &owner->spans[i];
	}
	return 0;
}

static __always_inline struct span *open_origin(struct process *p, struct goroutine *s)
{
	struct span *origin = origin_of(s);
	return origin && !has_ended(p, origin) ? origin : 0;
}

/* Has the goroutine outlived its span by less than OUTLIVING? */
static __always_inline int outlives(struct goroutine *s)
{
	u64 now = bpf_ktime_get_ns();
	if (!s->from.outlived)
		s->from.outlived = now;
	return now - s->from.outlived < OUTLIVING;
}

/* Is the goroutine one that was started to stay? It inherits nothing any more, and
 * gives its place to others. */
static __always_inline int stays(struct goroutine *s, u64 now)
{
	return !s->depth && inherits(s) && now - s->from.start > OUTLIVING && !origin_of(s) && !outlives(s);
}

/* From here on the goroutine does work of its own. */
static __always_inline void disinherit(struct goroutine *s, struct goroutine_key *key)
{
	if (!inherits(s))
		return;
	s->from.owner.g = 0;
	bpf_map_delete_elem(&children, key);
}
