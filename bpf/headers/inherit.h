/* SPDX-License-Identifier: Dual MIT/GPL */
/* What a goroutine has of the span in which it was started, or whose work it took
 * over a channel. */
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

static __always_inline int is_handed(struct goroutine *s)
{
	return inherits(s) && s->from.channel;
}

/* Would the end of the work that it took have been seen? Only by the probes on the
 * scheduler. */
static __always_inline int is_watched(struct process *p, struct goroutine *s)
{
	return !s->from.channel || s->from.epoch == p->epoch;
}

static __always_inline int is_closed(struct process *p, u64 channel)
{
	u32 closed = 0;
	if (channel)
		READ_USER(closed, channel + p->channels.closed);
	return closed;
}

/* Does the goroutine inherit a span still? Of a channel that is closed each receive
 * returns at once, which nothing tells of: its last value's work has no end. */
static __always_inline int inherits_still(struct process *p, struct goroutine *s)
{
	if (!inherits(s) || !is_watched(p, s) || is_closed(p, s->from.channel))
		return 0;
	for (int i = 0; i < BESIDE; i++) {
		if (s->from.channel && is_closed(p, s->from.beside[i]))
			return 0;
	}
	return 1;
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

/* What another goroutine has of one's span. */
static __always_inline void pass_on(struct inheritance *from, struct process *p, struct goroutine_key *owner,
				    struct span *span)
{
	from->owner = *owner;
	from->start = span->start;
	from->silent = !may_tell_below(p, span);
	__builtin_memcpy(from->trace_id, span->trace_id, 16);
	__builtin_memcpy(from->span_id, span->span_id, 8);
}

/* From here on the goroutine does work of its own. */
static __always_inline void disinherit(struct goroutine *s, struct goroutine_key *key)
{
	if (!inherits(s))
		return;
	s->from.owner.g = 0;
	s->from.channel = 0;
	bpf_map_delete_elem(&children, key);
}
