/* SPDX-License-Identifier: Dual MIT/GPL */
/* On whose behalf something happens: a goroutine and its innermost span. */
#pragma once

#include "innermost.h"
#include "records.h"

struct identity {
	u64 goid;
	u8 trace_id[16];
	u8 span_id[8];
};

/* The goroutine's innermost span that has not ended; none where there is none. */
static __always_inline void identify_for(struct identity *identity, struct process *p, struct goroutine *s)
{
	identity->goid = s->id;
	struct span *innermost = innermost_span(p, s);
	if (!innermost)
		return;
	__builtin_memcpy(identity->trace_id, innermost->trace_id, 16);
	__builtin_memcpy(identity->span_id, innermost->span_id, 8);
}

/* Likewise where the process's memory cannot be read, since another one's is in
 * place: a span that ended on another goroutine may still be the innermost. */
static __always_inline void identify_unread(struct identity *identity, struct goroutine *s)
{
	identity->goid = s->id;
	u32 index = s->depth - 1; /* of the last span; beyond the array where there is none */
	barrier_var(index);
	if (index >= SPAN_DEPTH)
		return;
	struct span *innermost = &s->spans[index];
	__builtin_memcpy(identity->trace_id, innermost->trace_id, 16);
	__builtin_memcpy(identity->span_id, innermost->span_id, 8);
}

static __always_inline void put_identity(struct record_header *header, struct identity *identity)
{
	header->goid = identity->goid;
	__builtin_memcpy(header->trace_id, identity->trace_id, 16);
	__builtin_memcpy(header->span_id, identity->span_id, 8);
}

static __always_inline void put_identity_of(struct record_header *header, struct process *p,
					    struct goroutine *s)
{
	struct identity identity = {};
	identify_for(&identity, p, s);
	put_identity(header, &identity);
}
