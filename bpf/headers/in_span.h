/* SPDX-License-Identifier: Dual MIT/GPL */
/* Which goroutines are in a span: who looks at those of a process (bpf/looks) finds
 * them here. */
#pragma once

#include "activity.h"
#include "goroutine.h"

#define IN_SPAN_PLACES 4096

struct in_span_place {
	u64 g; /* 0: nobody's; written last, and cleared first */
	u64 start; /* of its outermost span, ns */
	u64 due; /* when it is to be looked at, ns */
	u32 tgid;
	u32 slot; /* of its process, in activities */
};

struct in_span_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, IN_SPAN_PLACES);
	__type(key, u32);
	__type(value, struct in_span_place);
} in_span SEC(".maps");

/* The places that are nobody's, of which the first are given out again first: user
 * space fills it. */
struct free_place_map {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, IN_SPAN_PLACES);
	__type(value, u32);
} free_places SEC(".maps");

/* How many places of each part of in_span are taken, and, behind those, how many
 * of them user space freed: empty parts are passed over. */
#define PART_PLACES 64
#define PARTS (IN_SPAN_PLACES / PART_PLACES)

struct part_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * PARTS);
	__type(key, u32);
	__type(value, u64);
} parts SEC(".maps");

static __always_inline int is_part_taken(u32 part)
{
	u32 behind = part + PARTS;
	u64 *taken = bpf_map_lookup_elem(&parts, &part), *cleared = bpf_map_lookup_elem(&parts, &behind);
	return taken && cleared && *taken != *cleared;
}

static __always_inline void count_place(u32 index, s64 change)
{
	u32 part = index / PART_PLACES;
	u64 *n = bpf_map_lookup_elem(&parts, &part);
	if (n)
		__sync_fetch_and_add(n, change);
}

static __always_inline void take_place(struct goroutine *s, struct process *p, struct goroutine_key *key,
				       u64 now)
{
	u32 index = 0;
	if (bpf_map_pop_elem(&free_places, &index))
		return;
	struct in_span_place *place = bpf_map_lookup_elem(&in_span, &index);
	if (!place)
		return;
	place->start = now;
	place->due = 0;
	place->tgid = key->tgid;
	place->slot = p->slot;
	publish(&place->g, key->g);
	s->place = index + 1;
	count_place(index, 1);
	enters_span(p->slot, now);
}

static __always_inline void give_place(struct goroutine *s)
{
	u32 index = s->place - 1; /* beyond the array where it has none */
	struct in_span_place *place = bpf_map_lookup_elem(&in_span, &index);
	if (!place)
		return;
	s->place = 0;
	publish(&place->g, 0);
	count_place(index, -1);
	leaves_span(place->slot);
	bpf_map_push_elem(&free_places, &index, 0);
}
