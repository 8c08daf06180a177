/* SPDX-License-Identifier: Dual MIT/GPL */
/* Which goroutines are in a span, as memory that user space reads without a
 * system call: it looks at their states in the processes' memory (the package
 * internal/sample of the receiver), where no probe on the scheduler tells them. */
#pragma once

#include "goroutine.h"

#define IN_SPAN_PLACES_BITS 12
#define IN_SPAN_PLACES (1 << IN_SPAN_PLACES_BITS)
#define IN_SPAN_TRIES 16

struct in_span_place {
	u64 g; /* 0: nobody's; written last, and cleared first */
	u64 goid;
	u64 start; /* of its outermost span, ns */
	u32 tgid;
	u32 taken; /* how many claim it: whoever finds 1 after its own has it */
	u32 uses; /* tells one use of the place from the next */
	u32 syscall; /* cause of the last system call that it entered, 0 where unknown */
};

struct in_span_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, IN_SPAN_PLACES);
	__type(key, u32);
	__type(value, struct in_span_place);
} in_span SEC(".maps");

/* Who counts itself alone has the place; two that come at once both go on. */
static __always_inline int claim(struct in_span_place *place)
{
	volatile u32 *taken = &place->taken;
	if (*taken)
		return 0;
	__sync_fetch_and_add(&place->taken, 1);
	if (*taken == 1)
		return 1;
	__sync_fetch_and_add(&place->taken, -1);
	return 0;
}

/* How many places were taken, given back, and freed by user space, whose the last
 * number is. */
enum place_count {
	PLACES_TAKEN,
	PLACES_GIVEN,
	PLACES_CLEARED,
	PLACE_COUNTS,
};

struct place_count_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACE_COUNTS);
	__type(key, u32);
	__type(value, u64);
} place_counts SEC(".maps");

static __always_inline u64 places(u32 which)
{
	u64 *n = bpf_map_lookup_elem(&place_counts, &which);
	return n ? *n : 0;
}

static __always_inline int places_in_use(void)
{
	return places(PLACES_TAKEN) != places(PLACES_GIVEN) + places(PLACES_CLEARED);
}

static __always_inline void count_place(u32 which)
{
	u64 *n = bpf_map_lookup_elem(&place_counts, &which);
	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline void take_place(struct goroutine *s, struct goroutine_key *key, u64 now)
{
	u64 hash = (key->g ^ (u64)key->tgid << 40) * 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio */
	u32 first = hash >> (64 - IN_SPAN_PLACES_BITS);

	for (u32 i = 0; i < IN_SPAN_TRIES; i++) {
		u32 index = (first + i) & (IN_SPAN_PLACES - 1);
		struct in_span_place *place = bpf_map_lookup_elem(&in_span, &index);
		if (!place)
			return;
		if (!claim(place))
			continue;
		place->goid = s->id;
		place->start = now;
		place->tgid = key->tgid;
		place->uses++;
		place->syscall = 0;
		publish(&place->g, key->g);
		s->place = index + 1;
		count_place(PLACES_TAKEN);
		return;
	}
}

static __always_inline struct in_span_place *place_of(struct goroutine *s)
{
	u32 index = s->place - 1; /* beyond the array where it has none */
	return bpf_map_lookup_elem(&in_span, &index);
}

static __always_inline void give_place(struct goroutine *s)
{
	struct in_span_place *place = place_of(s);
	if (!place)
		return;
	s->place = 0;
	publish(&place->g, 0);
	__sync_fetch_and_add(&place->taken, -1);
	count_place(PLACES_GIVEN);
}
