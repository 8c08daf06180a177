/* SPDX-License-Identifier: Dual MIT/GPL */
/* When threads of a process were seen on a CPU, and since when goroutines of it have
 * been in spans. */
#pragma once

#include "hits.h"

struct activity {
	u64 at; /* last, ns */
	u64 woke; /* when one came there after none was for long, ns */
	u64 owed; /* since when all goroutines are to be looked at, ns, else 0 */
	u64 next; /* not before, ns */
	u64 next_due; /* nor before this at those that are due by the clock, ns */
	u64 in_span; /* goroutines that have a place in in_span */
	u64 began; /* since when there has been one, ns */
};

struct activity_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HIT_SLOTS);
	__type(key, u32);
	__type(value, struct activity);
} activities SEC(".maps");

static __always_inline void enters_span(u32 slot, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &slot);
	if (!a)
		return;
	if (!a->in_span)
		a->began = now;
	__sync_fetch_and_add(&a->in_span, 1);
}

static __always_inline void leaves_span(u32 slot)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &slot);
	if (a)
		__sync_fetch_and_add(&a->in_span, -1);
}

static __always_inline int has_spans(struct process *p)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	return a && a->in_span;
}

/* While no span of a process is older, what its threads do is not followed: a look
 * costs a short request more than it tells of it. */
#define LOOK_FROM 2000000 /* ns */

static __always_inline int may_have_long_span(struct process *p, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	return a && a->in_span && now - a->began >= LOOK_FROM;
}
