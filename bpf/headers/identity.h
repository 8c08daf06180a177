/* SPDX-License-Identifier: Dual MIT/GPL */
/* The identity of spans that the receiver makes. */
#pragma once

#include "goroutine.h"
#include "traceparent.h"

static __always_inline void random_bytes(u8 *bytes, u32 n)
{
	for (u32 i = 0; i < n; i += 4) {
		u32 word = bpf_get_prandom_u32();
		__builtin_memcpy(bytes + i, &word, 4);
	}
}

/* Trace ID and parent from the caller's context, where there was one, else a
 * trace of its own. 0 where the caller decided that the trace is not sampled. */
static __always_inline int identify(struct span *span, struct trace_context *context)
{
	random_bytes(span->span_id, 8);
	if (context) {
		__builtin_memcpy(span->trace_id, context->trace_id, 16);
		__builtin_memcpy(span->parent_id, context->span_id, 8);
		return context->flags & TRACE_FLAG_SAMPLED;
	}
	random_bytes(span->trace_id, 16);
	__builtin_memset(span->parent_id, 0, 8);
	return 1;
}
