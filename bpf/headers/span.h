/* SPDX-License-Identifier: Dual MIT/GPL */
/* The stack of spans on a goroutine. */
#pragma once

#include "executing.h"
#include "inherit.h"
#include "records.h"

/* One goroutine entry, all zero: entries are made from it, since the stack of a
 * program is too small and per-CPU scratch is shared by whoever preempts. */
struct blank_goroutine_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct goroutine);
} blank_goroutine SEC(".maps");

/* The goroutine executes, whatever was seen last: coroutines (iter.Pull) switch
 * without casgstatus, and while the scheduler's probes were detached nothing was
 * seen at all. */
static __always_inline void find_executing(struct goroutine *s, struct goroutine_key *key, struct process *p,
					   u32 tid, u64 now)
{
	if (s->tid == tid && s->epoch == p->epoch)
		return;
	if (s->epoch != p->epoch) {
		s->executing = ON_CPU;
		s->stops_world = 0; /* its end was not seen */
	}
	s->epoch = p->epoch;
	change_cause(s, key->tgid, now, s->executing);
	release_thread(s, key);
	bind_thread(s, key, tid);
}

/* The goroutine, which is known, executes and is about to enter a span. */
static __always_inline void resume_goroutine(struct goroutine *s, struct goroutine_key *key,
					     struct process *p, u32 tid, u64 now)
{
	if (p->flags & PROCESS_LEDGER)
		find_executing(s, key, p, tid, now);
	else if (!s->depth)
		begins_on(s, p, key, tid, now);
	else if (is_looked_at(p))
		executes_on(s, p, key, tid, now, ON_CPU);
	if (!s->depth && !s->place)
		take_place(s, p, key, now);
}

/* Makes the entry of a goroutine, 0 where there is no room. */
static __always_inline struct goroutine *new_goroutine(struct goroutine_key *key, struct process *p, u64 now)
{
	u32 zero = 0;
	struct goroutine *blank = bpf_map_lookup_elem(&blank_goroutine, &zero);
	if (!blank || bpf_map_update_elem(&goroutines, key, blank, BPF_NOEXIST)) {
		count(DROPPED_GOROUTINES_FULL);
		return 0;
	}
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	if (!s)
		return 0;
	READ_USER(s->id, key->g + p->g_goid);
	s->since = s->entered = now;
	s->stopped_before = stopped_until(key->tgid, now);
	s->cause = s->executing = ON_CPU;
	s->epoch = p->epoch;
	return s;
}

/* The entry of the goroutine that executes, made where it is not known yet. */
static __always_inline struct goroutine *enter_goroutine(struct goroutine_key *key, struct process *p,
							 u32 tid, u64 now)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	if (s) {
		resume_goroutine(s, key, p, tid, now);
		return s;
	}
	s = new_goroutine(key, p, now);
	if (!s)
		return 0;
	take_place(s, p, key, now);
	if (p->flags & PROCESS_LEDGER)
		bind_thread(s, key, tid);
	else
		begins_on(s, p, key, tid, now);
	return s;
}

/* The goroutine is in no span any more. What it inherits it keeps. */
static __always_inline void leave_goroutine(struct goroutine *s, struct goroutine_key *key)
{
	give_place(s);
	unfollow(s, key);
	s->depth = 0;
	if (inherits(s))
		return;
	release_thread(s, key);
	bpf_map_delete_elem(&goroutines, key);
}

/* The goroutine, if it is known, starts anew, whatever it left open, and inherits
 * nothing. */
static __always_inline void forget_goroutine(struct goroutine_key *key)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	if (!s)
		return;
	count_many(UNFINISHED_SPANS, s->depth);
	disinherit(s, key);
	leave_goroutine(s, key);
}

/* The innermost open span with this handle, or SPAN_DEPTH. */
static __always_inline u32 find_span(struct goroutine *s, u32 kind, u64 handle)
{
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		u32 at = SPAN_DEPTH - 1 - i;
		if (at < s->depth && s->spans[at].kind == kind && s->spans[at].handle == handle)
			return at;
	}
	return SPAN_DEPTH;
}

/* The innermost open span, 0 where there is none. */
static __always_inline struct span *top_span(struct goroutine *s)
{
	u32 top = s->depth - 1;
	barrier_var(top);
	return top < SPAN_DEPTH ? &s->spans[top] : 0;
}

static __always_inline u32 outgoing_spans(struct goroutine *s)
{
	u32 n = 0;
	for (u32 i = 0; i < SPAN_DEPTH; i++)
		n += i < s->depth && is_outgoing(s->spans[i].kind);
	return n;
}

/* Takes one span out; those above it, if any, move down. */
static __always_inline void remove_span(struct goroutine *s, u32 index)
{
	for (u32 i = 0; i < SPAN_DEPTH - 1; i++) {
		if (i >= index && i + 1 < s->depth)
			s->spans[i] = s->spans[i + 1];
	}
	s->depth--;
}

/* Spans that ended on another goroutine stay on the stack: one whose memory is
 * used again is over, and of a full stack the oldest of an SDK makes room. */
static __always_inline void make_room(struct goroutine *s, u32 kind, u64 handle)
{
	u32 stale = find_span(s, kind, handle);
	if (stale < SPAN_DEPTH) {
		count(UNFINISHED_SPANS);
		remove_span(s, stale);
	}
	if (s->depth >= SPAN_DEPTH) {
		count(DROPPED_SPANS_NESTED);
		remove_span(s, is_incoming(s->spans[0].kind) ? 1 : 0);
	}
}

/* Opens a span at the place of the stack that is given, with the ledger as it
 * stands. */
static __always_inline struct span *open_span(struct goroutine *s, struct process *p, u32 tgid, u32 place,
					      u32 kind, u64 handle, u64 now)
{
	spend(s, tgid, now);
	struct span *span = &s->spans[place];
	span->start = s->since;
	span->kind = kind;
	span->handle = handle;
	span->epoch = p->epoch;
	span->sdk_inside = span->hijacked = 0;
	span->inherited = INHERITED_NOT;
	span->children = span->handed = 0;
	__builtin_memset(&span->critical, 0, sizeof(span->critical));
	__builtin_memcpy(span->spent_before, s->spent, sizeof(span->spent_before));
	span->looks_before = s->looks;
	span->allocated_before = s->allocated;
	span->assists_before = s->assists;
	span->block_wait_before = s->block_wait;
	s->depth = place + 1;
	return span;
}
