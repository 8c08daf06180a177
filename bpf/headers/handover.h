/* SPDX-License-Identifier: Dual MIT/GPL */
/* Work that a goroutine takes over an unbuffered channel: one side waits there, the
 * other one passes the value, or takes it, and wakes it up itself (send and recv in
 * src/runtime/chan.go). So each value that changes hands is seen, with both sides,
 * and so is it when the taker wants the next one. */
#pragma once

#include "heir.h"
#include "parked.h"
#include "thread_goroutine.h"

#define SELECT_CASES 16

/* The unbuffered channel over which the goroutine, which waited and is made ready,
 * was passed a value, or over which one was taken from it; 0 where there was none, as
 * when the channel was closed. */
static __always_inline u64 passed_over(struct process *p, u64 g)
{
	u64 sudog = read_word(g + p->channels.param);
	u8 success = 0;
	if (sudog)
		READ_USER(success, sudog + p->channels.success);
	u64 channel = success ? read_word(sudog + p->channels.channel) : 0;
	return channel && !read_word(channel + p->channels.capacity) ? channel : 0;
}

/* What has no size is a signal and no work. */
static __always_inline int carries_work(struct process *p, u64 channel)
{
	u16 size = 0;
	READ_USER(size, channel + p->channels.element_size);
	return size;
}

/* Where a value came from: its channel, and those beside in the select. */
struct source {
	u64 channel;
	u64 beside[BESIDE];
	int followed; /* what else the select brings would be seen */
};

/* The other cases of the select in which the goroutine waits. It would take a value
 * out of a buffer without being seen. */
static __always_inline void look_beside(struct source *source, struct process *p, u64 g)
{
	u64 sudog = read_word(g + p->channels.waiting);
	int n = 0;
	source->followed = 0;
	for (int i = 0; i < BESIDE + 2 && sudog; i++) {
		u64 channel = read_word(sudog + p->channels.channel);
		sudog = read_word(sudog + p->channels.next);
		if (channel == source->channel)
			continue;
		if (n == BESIDE || read_word(channel + p->channels.capacity))
			return;
		source->beside[n++ & (BESIDE - 1)] = channel;
	}
	source->followed = !sudog;
}

_Static_assert(BESIDE == 2, "a mask bounds the index for the verifier");

/* Does the goroutine begin to wait for the next value of the channel that its work
 * came over? A select does not tell in which direction it waits: it may. */
static __always_inline int wants_next(struct process *p, struct goroutine *s, u64 g)
{
	u8 reason = 0;
	READ_USER(reason, g + p->g_waitreason);
	if (reason != p->channels.receive && reason != p->channels.select)
		return 0;
	u64 sudog = read_word(g + p->channels.waiting);
	for (int i = 0; i < SELECT_CASES && sudog; i++) {
		if (read_word(sudog + p->channels.channel) == s->from.channel)
			return 1;
		sudog = read_word(sudog + p->channels.next);
	}
	return sudog != 0; /* it may be among those that were not looked at */
}

static __always_inline void stop_work(struct goroutine *s, struct goroutine_key *key)
{
	disinherit(s, key);
	if (!s->depth)
		leave_goroutine(s, key);
}

/* Whose work is what the goroutine passes? Its own span's, or that of the open one
 * within which it was started. What it took itself it does not hand on: it may serve
 * several at once. */
static __always_inline int hands_over(struct inheritance *from, struct process *p, struct goroutine_key *key,
				      struct goroutine *s)
{
	struct span *innermost = innermost_span(p, s);
	if (innermost) {
		pass_on(from, p, key, innermost);
		return 1;
	}
	*from = s->from;
	return inherits(s) && !s->from.channel && open_origin(p, s);
}

static __always_inline int same_span(struct inheritance *a, struct inheritance *b)
{
	return same_goroutine(&a->owner, &b->owner) && a->start == b->start;
}

struct side {
	struct goroutine_key key;
	struct goroutine *s; /* 0: it is in no span and inherits none */
};

/* Would the work that the goroutine took end by what comes over the channel? */
static __always_inline int took_from(struct goroutine *s, u64 channel)
{
	if (!is_handed(s))
		return 0;
	for (int i = 0; i < BESIDE; i++) {
		if (s->from.beside[i] == channel)
			return 1;
	}
	return s->from.channel == channel;
}

/* A value has changed hands. Who works for a span and takes one elsewhere goes on
 * with what that span's goroutines pass; with another's it is not known for whom.
 * The new entry of who takes work, 0 where it takes none. */
static __always_inline struct goroutine *take_work(struct process *p, struct side *giver, struct side *taker,
						   struct source *source, u64 now)
{
	struct inheritance from = {};
	struct goroutine *s = taker->s;
	int gives = giver->s && hands_over(&from, p, &giver->key, giver->s);
	if (s && is_handed(s)) {
		int next = s->from.channel == source->channel;
		if (next || !same_span(&from, &s->from))
			stop_work(s, &taker->key);
		if (!next)
			return 0;
		s = bpf_map_lookup_elem(&goroutines, &taker->key);
	}
	if (!gives || !source->followed || (s && (s->depth || open_origin(p, s))))
		return 0;
	forget_goroutine(&taker->key); /* it was started within a span that is over */
	from.channel = source->channel;
	__builtin_memcpy(from.beside, source->beside, sizeof(from.beside));
	from.epoch = p->epoch;
	from.outlived = 0;
	s = new_heir(&taker->key, p, &from, now);
	struct span *origin = s ? origin_of(s) : 0;
	if (origin)
		__sync_fetch_and_add(&origin->handed, 1);
	return s;
}

/* The goroutine, which waited, is made ready by the one that the thread runs or, as
 * here, has left for its system stack. Its entry as it is then. */
static __always_inline struct goroutine *hand_over(struct pt_regs *ctx, struct goroutine *s,
						   struct goroutine_key *key, u32 tid, u64 now)
{
	struct goroutine_key bound;
	if (!s && !running_on(tid, &bound))
		return 0;
	struct process *p = bpf_map_lookup_elem(&processes, &key->tgid);
	if (!p || !p->channels.receive)
		return s;
	u8 reason = 0;
	READ_USER(reason, key->g + p->g_waitreason);
	if (reason != p->channels.receive && reason != p->channels.send && reason != p->channels.select)
		return s;
	struct source source = { .channel = passed_over(p, key->g), .followed = 1 };
	u64 m = source.channel ? read_word(GO_G(ctx) + p->g_m) : 0;
	struct side woken = { .key = *key, .s = s };
	struct side waker = { .key = { .g = m ? read_word(m + p->m_curg) : 0, .tgid = key->tgid } };
	if (!waker.key.g)
		return s;
	waker.s = entry_of(p, &waker.key);
	int work = carries_work(p, source.channel);
	int selects = reason == p->channels.select;
	if (reason == p->channels.receive || (selects && parked_by(p, waker.key.g, &p->channels.sends, 1))) {
		if (selects)
			look_beside(&source, p, key->g);
		struct goroutine *taken = work ? take_work(p, &waker, &woken, &source, now) : 0;
		if (taken)
			taken->cause = RUNNABLE;
	} else if (work && parked_by(p, waker.key.g, &p->channels.chanrecv, 1)) {
		struct goroutine *taken = take_work(p, &woken, &waker, &source, now);
		if (taken)
			bind_thread(taken, &waker.key, tid);
	} else if (waker.s && took_from(waker.s, source.channel)) {
		stop_work(waker.s, &waker.key); /* by a select */
	}
	return bpf_map_lookup_elem(&goroutines, key);
}
