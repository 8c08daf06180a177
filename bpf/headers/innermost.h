/* SPDX-License-Identifier: Dual MIT/GPL */
/* Which span of a goroutine is the one that something happened in. */
#pragma once

#include "golang.h"
#include "goroutine.h"

/* Did the SDK end the span? That on another goroutine leaves it on the stack of
 * its own. recordingSpan.endTime is a time.Time: two words, zero until the end. */
static __always_inline int has_ended(struct process *p, struct span *span)
{
	if (span->kind != SPAN_SDK || p->span_end_time == UNKNOWN_OFFSET)
		return 0;
	u64 end = span->handle + p->span_end_time;
	return read_word(end) || read_word(end + 8);
}

/* The innermost span that has not ended, 0 where there is none. */
static __always_inline struct span *innermost_span(struct process *p, struct goroutine *s)
{
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		u32 at = SPAN_DEPTH - 1 - i;
		if (at < s->depth && !has_ended(p, &s->spans[at]))
			return &s->spans[at];
	}
	return 0;
}

#define SDK_KIND_CLIENT 3 /* go.opentelemetry.io/otel/trace.SpanKindClient */

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
