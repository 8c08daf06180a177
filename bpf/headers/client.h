/* SPDX-License-Identifier: Dual MIT/GPL */
/* Spans of clients, which are told inside of another span only. */
#pragma once

#include "identity.h"
#include "records.h"
#include "span.h"

#define SDK_KIND_CLIENT 3 /* go.opentelemetry.io/otel/trace.SpanKindClient */

/* A caller's frame, by its distance from the beginning of the stack: that stays
 * as it is when the stack grows, which moves it. */
static __always_inline u64 frame_of(struct process *p, u64 g, u64 sp)
{
	return read_word(g + p->http.stack_hi) - sp;
}

/* Takes off client spans whose frames are gone, which a panic left: those that
 * are not below the new one on the stack, or no longer hold the address that their
 * call returns to (on amd64; on arm64 nothing is attached). */
static __always_inline void forget_dead(struct process *p, struct goroutine *s, u64 g, u32 kind, u64 frame,
					u64 back)
{
	u64 hi = read_word(g + p->http.stack_hi);
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		struct span *top = top_span(s);
		if (!top || top->kind != kind)
			return;
		if (top->handle < frame && read_word(hi - top->handle - 8) == back)
			return;
		count(UNFINISHED_SPANS);
		s->depth--;
	}
}

/* Whether a request below the span is the receiver's to tell: an SDK's own
 * client span is that request, and what an SDK tells, or decided not to, has
 * no span of the receiver that could be the parent. */
static __always_inline int may_tell_below(struct process *p, struct span *parent)
{
	if (parent->kind != SPAN_SDK)
		return !parent->sdk_inside;
	u64 kind = p->http.span_kind == UNKNOWN_OFFSET ? SDK_KIND_CLIENT
						       : read_word(parent->handle + p->http.span_kind);
	return kind != SDK_KIND_CLIENT;
}

/* Opens the span of a client below the innermost one. At the entry of a function
 * that lasts as long as the request does. */
static __always_inline struct span *open_client(struct pt_regs *ctx, struct process *p,
						struct goroutine_key *key, u32 kind, u64 now)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	u64 frame = frame_of(p, key->g, GO_CALLER_SP(ctx));
	if (s)
		forget_dead(p, s, key->g, kind, frame, read_word(GO_SP(ctx)));
	struct span *parent = s ? top_span(s) : 0;
	if (!s || !parent) {
		count(OUTSIDE_OF_SPAN);
		return 0;
	}
	if (!may_tell_below(p, parent))
		return 0;
	make_room(s, kind, frame);
	parent = top_span(s);
	u32 place = s->depth;
	barrier_var(place);
	if (!parent || place >= SPAN_DEPTH)
		return 0;
	struct span *span = open_span(s, p, key->tgid, place, kind, frame, now);
	identify_below(span, parent);
	return span;
}
