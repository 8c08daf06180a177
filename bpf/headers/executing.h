/* SPDX-License-Identifier: Dual MIT/GPL */
/* Without probes on the scheduler: which goroutine in a span a thread runs, as
 * events on that thread tell, and since when. Between what was seen at two moments
 * a goroutine's state is not known, but where it can have changed is: on no thread
 * that was not on a CPU. */
#pragma once

#include "activity.h"
#include "goroutine.h"
#include "records.h"

/* Goroutines in spans of the process are looked at. */
static __always_inline int is_looked_at(struct process *p)
{
	return (p->flags & (PROCESS_LOOKS | PROCESS_LEDGER)) == PROCESS_LOOKS;
}

/* A thread of a process that is looked at. */
struct followed_thread {
	struct goroutine_key key; /* of the goroutine in a span that it ran; g is 0 where it ran none */
	u64 at; /* of the last event on it, ns */
	u32 fresh; /* that was its coming out of the kernel, without a goroutine */
	u32 slot; /* of its process, in activities */
};

struct followed_thread_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct followed_thread);
} followed_threads SEC(".maps");

/* Whether the clocks of the CPUs tell when to look: user space switches them on
 * when it is told that there is somebody to be looked at, and off when there was
 * nobody for a while. */
enum clock_state {
	CLOCKS_RUN, /* since when they do, ns; 0 while they do not */
	CLOCKS_NEEDED, /* when they were last, ns */
	CLOCK_STATES,
};

struct clock_state_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CLOCK_STATES);
	__type(key, u32);
	__type(value, u64);
} clock_states SEC(".maps");

struct clock_wanted_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} clocks_wanted SEC(".maps");

/* Since when they do, ns; 0 while they do not. */
static __always_inline u64 clocks_run_since(void)
{
	u32 key = CLOCKS_RUN;
	u64 *since = bpf_map_lookup_elem(&clock_states, &key);
	return since ? *since : 0;
}

static __always_inline void want_clocks(u64 now)
{
	u32 key = CLOCKS_NEEDED;
	u64 *needed = bpf_map_lookup_elem(&clock_states, &key);
	if (needed)
		*needed = now;
	if (clocks_run_since())
		return;
	u64 *wanted = bpf_ringbuf_reserve(&clocks_wanted, sizeof(*wanted), 0);
	if (!wanted)
		return; /* it is told already */
	*wanted = 1;
	bpf_ringbuf_submit(wanted, BPF_RB_FORCE_WAKEUP);
}

/* Are goroutines of the process to be looked at now? */
static __always_inline int is_time_to_look(struct process *p, u64 now)
{
	if (!is_looked_at(p) || !may_have_long_span(p, now))
		return 0;
	want_clocks(now);
	return 1;
}

static __always_inline struct followed_thread *followed(u32 tid, u32 tgid)
{
	struct followed_thread *t = bpf_map_lookup_elem(&followed_threads, &tid);
	return t && t->key.tgid == tgid ? t : 0;
}

/* Longer than the clocks' period: a process none of whose threads was seen for so
 * long had none on a CPU. */
#define QUIET 1300000 /* ns */

/* A thread comes onto a CPU. None was there before only where the clocks would have
 * told. */
static __always_inline void wakes(u32 slot, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &slot);
	if (!a)
		return;
	u64 since = clocks_run_since();
	if (since && a->at > since && a->at > a->began + LOOK_FROM && now > a->at + QUIET)
		a->woke = now;
	a->at = now;
}

/* A moment before which no state can have changed since another one. */
static __always_inline u64 unchanged_until(struct process *p, u64 since, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	return a && a->woke > since && a->woke <= now ? a->woke : since;
}

static __always_inline void note_thread(struct process *p, struct followed_thread *t,
					struct goroutine_key *key, u32 tid, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	if (a)
		a->at = now;
	if (t) {
		t->key = *key;
		t->at = now;
		t->fresh = 0;
		return;
	}
	struct followed_thread begun = { .key = *key, .at = now, .slot = p->slot };
	bpf_map_update_elem(&followed_threads, &tid, &begun, BPF_ANY);
}

/* Until when it is known what the goroutine did. */
static __always_inline u64 known_until(struct goroutine *s)
{
	return s->seen > s->since ? s->seen : s->since;
}

/* When the goroutine began to execute on the thread: not before the last event
 * that found it elsewhere. A thread that came out of the kernel without a goroutine
 * takes one up at once, or sleeps. */
static __always_inline u64 began_on(struct process *p, struct followed_thread *t, u64 low, u64 now)
{
	low = unchanged_until(p, low, now);
	if (t && t->at >= low && t->at < now) {
		if (t->fresh)
			return t->at;
		low = t->at;
	}
	return low + (now - low) / 2;
}

/* What was seen in another epoch says nothing. */
static __always_inline void renew(struct goroutine *s, struct process *p)
{
	if (s->epoch == p->epoch)
		return;
	s->epoch = p->epoch;
	s->executing = ON_CPU;
	s->stops_world = 0;
	s->thread = 0;
}

static __always_inline void bind_followed(struct goroutine *s, struct process *p, struct followed_thread *t,
					  struct goroutine_key *key, u32 tid, u64 now)
{
	s->seen = now;
	if (t && t->key.g && !same_goroutine(&t->key, key))
		return; /* the next event on the thread sees what became of the other */
	s->thread = tid;
	note_thread(p, t, key, tid, now);
}

/* The goroutine, which is in a span, executes on the current thread: in its own
 * code or a system call, or assisting the collector. */
static __always_inline void executes_on(struct goroutine *s, struct process *p, struct goroutine_key *key,
					u32 tid, u64 now, u32 cause)
{
	renew(s, p);
	struct followed_thread *t = followed(tid, key->tgid);
	u64 low = known_until(s);
	if (now <= low)
		return;
	if (s->cause == OS_RUNQUEUE || s->cause == UNATTRIBUTED) {
		change_cause(s, key->tgid, now, s->executing);
	} else if (!executes(s->cause) || (s->cause == GC_ASSIST) != (cause == GC_ASSIST)) {
		s->executing = cause;
		change_cause(s, key->tgid, began_on(p, t, low, now), cause);
	}
	bind_followed(s, p, t, key, tid, now);
}

/* The goroutine executes on the current thread and enters a span. */
static __always_inline void begins_on(struct goroutine *s, struct process *p, struct goroutine_key *key,
				      u32 tid, u64 now)
{
	if (!is_looked_at(p))
		return;
	renew(s, p);
	s->executing = ON_CPU;
	change_cause(s, key->tgid, now, ON_CPU);
	bind_followed(s, p, followed(tid, key->tgid), key, tid, now);
}

static __always_inline void unfollow(struct goroutine *s, struct goroutine_key *key)
{
	u32 tid = s->thread;
	struct followed_thread *t = tid ? followed(tid, key->tgid) : 0;
	if (t && same_goroutine(&t->key, key))
		t->key.g = 0;
	s->thread = 0;
}

/* Books the ledger of a goroutine in a span that executes its own code. */
static __always_inline void book(struct goroutine *s, struct process *p, struct goroutine_key *key, u32 tid,
				 u64 now)
{
	if (is_looked_at(p))
		executes_on(s, p, key, tid, now, ON_CPU);
	spend(s, key->tgid, now);
}

/* The goroutine in a span that a thread, whether on a CPU or not, runs. */
static __always_inline struct goroutine *followed_on(u32 tid, struct goroutine_key *key)
{
	struct followed_thread *t = bpf_map_lookup_elem(&followed_threads, &tid);
	if (!t || !t->key.g)
		return 0;
	*key = t->key;
	struct process *p = bpf_map_lookup_elem(&processes, &key->tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	return p && s && is_looked_at(p) && s->depth && s->thread == tid ? s : 0;
}
