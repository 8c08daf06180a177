/* SPDX-License-Identifier: Dual MIT/GPL */
/* Looks at goroutines that are in a span: at their state in the memory of the
 * process, which is that of the current thread. */
#pragma once

#include "executing.h"
#include "thread_goroutine.h"
#include "waits.h"

/* What a thread that is in it may be at, too, of which the state says nothing. */
static __always_inline int within_running(u32 cause)
{
	return cause == ON_CPU || cause == OS_RUNQUEUE || cause == UNATTRIBUTED || is_syscall_cause(cause);
}

/* Why the goroutine's time passes, with WAIT_EXECUTES; CAUSES where it is about to
 * begin, has ended, or cannot be read. */
static __always_inline u32 state_cause(struct goroutine *s, struct process *p, u64 g)
{
	u32 status = 0;
	if (read_word(g + p->g_goid) != s->id || READ_USER(status, g + p->g_status))
		return CAUSES;
	switch (status & ~GO_SCAN) {
	case GO_RUNNABLE:
	case GO_PREEMPTED:
		return RUNNABLE;
	case GO_RUNNING:
	case GO_COPYSTACK:
	case GO_SYSCALL:
		if (s->thread && within_running(s->cause))
			return s->cause;
		return status == GO_SYSCALL && !p->tls_g ? UNATTRIBUTED : ON_CPU;
	case GO_WAITING:
		return wait_cause(p, g);
	default:
		return CAUSES;
	}
}

/* Looks at a goroutine. What it does now it does since border, or, where that is 0,
 * since half of the time that is not known. It is verified by itself, and tells whether there was anything to
 * see. */
__attribute__((noinline)) int look_at(u64 g, u32 tgid, u64 now, u64 border)
{
	struct goroutine_key key = { .g = g, .tgid = tgid };
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	if (!s || !p || !s->depth || !is_looked_at(p))
		return 0;
	renew(s, p);
	u64 seen = s->seen, low = known_until(s);
	if (now <= low || !exchange_if(&s->seen, seen, now))
		return 0;
	u32 cause = state_cause(s, p, g);
	if (cause >= CAUSES && !(cause & WAIT_EXECUTES)) {
		count(LOOKS_UNREADABLE);
		return 0;
	}
	/* A wait for the collector has the cause of an assist: only the reason tells. */
	int executing = cause & WAIT_EXECUTES || cause == ON_CPU || is_syscall_cause(cause);
	cause &= CAUSE_MASK;
	s->looks++;
	count(LOOKS);
	if (executing)
		s->executing = cause;
	else if (!within_running(cause))
		s->thread = s->stops_world = 0;
	if (cause == s->cause)
		return 1;
	if (!border) {
		low = unchanged_until(p, low, now);
		border = low + (now - low) / 2;
	}
	change_cause(s, tgid, border > low ? border : low, cause);
	return 1;
}

/* It is due again after a share of its age: what a look that comes late can be off
 * is small beside the span. */
#define LOOK_SHARE 64
#define LOOK_SOONEST 500000 /* ns */
#define LOOK_LATEST 10000000

static __always_inline u64 look_interval(u64 age)
{
	u64 interval = age / LOOK_SHARE;
	return interval < LOOK_SOONEST ? LOOK_SOONEST : interval > LOOK_LATEST ? LOOK_LATEST : interval;
}

/* Looks at the goroutines of a process, of one part of the places: at all, for
 * which border is given, or those that are due. It returns how many there were. */
__attribute__((noinline)) int look_at_part(u32 part, u32 tgid, u64 now, u64 border)
{
	int looks = 0;
	for (u32 i = 0; i < PART_PLACES; i++) {
		u32 index = part * PART_PLACES + i;
		struct in_span_place *place = bpf_map_lookup_elem(&in_span, &index);
		if (!place)
			break;
		u64 g = place->g;
		if (!g || place->tgid != tgid || (!border && place->due > now))
			continue;
		place->due = now + look_interval(now > place->start ? now - place->start : 0);
		look_at(g, tgid, now, border == now ? 0 : border);
		looks++;
	}
	return looks;
}

static __always_inline u32 look_around(u32 tgid, u64 now, u64 border)
{
	u32 looks = 0;
	for (u32 part = 0; part < PARTS; part++) {
		if (is_part_taken(part))
			looks += look_at_part(part, tgid, now, border);
	}
	return looks;
}

/* For so long after a look at all goroutines, or at those that are due, there is no
 * other one, for each of them: some thirty times what it takes. */
#define LOOK_REST 6000 /* ns */

/* Looks at all goroutines of a process, or owes it. */
static __always_inline void look_at_all(struct process *p, u32 tgid, u64 now, u64 border)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	if (!a)
		return;
	if (now < a->next) {
		a->owed = now;
		return;
	}
	a->owed = 0;
	a->next = now + LOOK_REST;
	a->next = now + look_around(tgid, now, border) * LOOK_REST;
}

/* Looks at those goroutines of a process that are due. */
static __always_inline void look_at_due(struct process *p, u32 tgid, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	if (a && now >= a->next_due)
		a->next_due = now + look_around(tgid, now, 0) * LOOK_REST;
}

/* Before a thread does anything after its sleep: what it sees was so since the
 * look that is owed. */
static __always_inline void look_after_sleep(struct process *p, u32 tgid, u64 now)
{
	struct activity *a = bpf_map_lookup_elem(&activities, &p->slot);
	u64 owed = a ? a->owed : 0;
	if (owed && owed < now)
		look_at_all(p, tgid, now, owed);
}

/* An event on the current thread: what it runs now, and what became of the
 * goroutine in a span that it ran before. Of the goroutine that it runs, if that is
 * in a span or inherits one, it returns the entry. */
static __always_inline struct goroutine *watch_thread(struct process *p, u32 tgid, u32 tid, u64 now)
{
	struct goroutine_key key;
	struct goroutine *s = goroutine_of_thread(p, tgid, &key);
	struct followed_thread *t = followed(tid, tgid);
	int in_span = s && s->depth;

	if (t && t->key.g && !(in_span && t->key.g == key.g)) {
		u64 left = t->key.g;
		t->key.g = 0;
		/* Without another one, a thread has only just looked for that. */
		look_at(left, tgid, now, key.g ? 0 : now);
	}
	if (in_span) {
		u32 status = 0, cause = ON_CPU;
		READ_USER(status, key.g + p->g_status);
		if ((status & ~GO_SCAN) == GO_WAITING)
			cause = reason_cause(p, key.g);
		executes_on(s, p, &key, tid, now, cause & WAIT_EXECUTES ? cause & CAUSE_MASK : ON_CPU);
		s->looks++;
		count(LOOKS);
	} else {
		key.g = 0;
		note_thread(p, t, &key, tid, now);
	}
	return s;
}
