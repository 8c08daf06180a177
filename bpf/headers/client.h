/* SPDX-License-Identifier: Dual MIT/GPL */
/* Spans of clients, which are told inside of another span only. */
#pragma once

#include "behalf.h"
#include "identity.h"
#include "records.h"
#include "span.h"

/* A caller's frame, by its distance from the beginning of the stack: that stays
 * as it is when the stack grows, which moves it. */
static __always_inline u64 frame_of(struct process *p, u64 g, u64 sp)
{
	return read_word(g + p->http.stack_hi) - sp;
}

/* Whether the frame of a client's span is still on the stack: below the one that
 * is given, and with the address that its call returns to (on amd64; on arm64
 * nothing is attached). */
static __always_inline int is_alive(struct span *span, u64 hi, u64 frame)
{
	return span->handle < frame && read_word(hi - span->handle - 8) == span->back;
}

/* Takes off client spans whose frames are gone, which a panic left. */
static __always_inline void forget_dead(struct process *p, struct goroutine *s, u64 g, u32 kind, u64 frame)
{
	u64 hi = read_word(g + p->http.stack_hi);
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		struct span *top = top_span(s);
		if (!top || top->kind != kind || is_alive(top, hi, frame))
			return;
		count(UNFINISHED_SPANS);
		s->depth--;
	}
}

enum telling {
	OUTSIDE, /* there is no span that it is below */
	SILENT, /* an SDK tells it, or decided not to */
	TELLS,
};

/* Finds the span below which a request of the goroutine is: its innermost, else
 * the one that it inherits, also where that has ended. */
static __always_inline enum telling find_parent(struct identity *parent, struct process *p,
						struct goroutine *s)
{
	struct span *top = top_span(s);
	if (top) {
		identify_in(parent, top);
		return may_tell_below(p, top) ? TELLS : SILENT;
	}
	if (!inherits_still(p, s))
		return OUTSIDE;
	struct span *origin = open_origin(p, s);
	identify_inherited(parent, s, origin);
	if (!parent->inherited)
		return OUTSIDE;
	if (!origin)
		__builtin_memcpy(parent->span_id, s->from.span_id, 8);
	return (origin ? may_tell_below(p, origin) : !s->from.silent) ? TELLS : SILENT;
}

/* Opens the span of a client. At the entry of a function that lasts as long as
 * the request does. */
static __always_inline struct span *open_client(struct pt_regs *ctx, struct process *p,
						struct goroutine_key *key, u32 kind, u64 now)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	u64 frame = frame_of(p, key->g, GO_CALLER_SP(ctx));
	if (s)
		forget_dead(p, s, key->g, kind, frame);
	struct identity parent = {};
	enum telling telling = s ? find_parent(&parent, p, s) : OUTSIDE;
	if (telling == OUTSIDE)
		count(OUTSIDE_OF_SPAN);
	if (!s || telling != TELLS)
		return 0;
	resume_goroutine(s, key, p, bpf_get_current_pid_tgid(), now);
	make_room(s, kind, frame);
	u32 place = s->depth;
	barrier_var(place);
	if (place >= SPAN_DEPTH)
		return 0;
	struct span *span = open_span(s, p, key->tgid, place, kind, frame, now);
	random_bytes(span->span_id, 8);
	__builtin_memcpy(span->trace_id, parent.trace_id, 16);
	__builtin_memcpy(span->parent_id, parent.span_id, 8);
	span->inherited = parent.inherited;
	span->back = read_word(GO_SP(ctx));
	return span;
}
