/* SPDX-License-Identifier: Dual MIT/GPL */
/* On whose behalf something happens: a goroutine and its innermost span. */
#pragma once

#include "inherit.h"
#include "records.h"

struct identity {
	u64 goid;
	u32 inherited; /* enum inherited */
	u32 pad;
	u8 trace_id[16];
	u8 span_id[8];
};

static __always_inline void identify_in(struct identity *identity, struct span *span)
{
	__builtin_memcpy(identity->trace_id, span->trace_id, 16);
	__builtin_memcpy(identity->span_id, span->span_id, 8);
}

/* By the span that the goroutine inherits, 0 where that has ended. */
static __always_inline void identify_inherited(struct identity *identity, struct goroutine *s,
					       struct span *origin)
{
	if (origin) {
		identify_in(identity, origin);
		identity->inherited = INHERITED_OPEN;
	} else if (outlives(s)) {
		__builtin_memcpy(identity->trace_id, s->from.trace_id, 16);
		identity->inherited = INHERITED_ENDED;
	}
}

/* The goroutine's innermost span that has not ended, else the one that it
 * inherits; none where there is none. */
static __always_inline void identify_for(struct identity *identity, struct process *p, struct goroutine *s)
{
	identity->goid = s->id;
	struct span *innermost = innermost_span(p, s);
	if (innermost)
		identify_in(identity, innermost);
	else if (inherits_still(p, s))
		identify_inherited(identity, s, open_origin(p, s));
}

/* Likewise where the process's memory cannot be read, since another one's is in
 * place: a span that ended on another goroutine may still be the innermost. */
static __always_inline void identify_unread(struct identity *identity, struct process *p, struct goroutine *s)
{
	identity->goid = s->id;
	u32 index = s->depth - 1; /* of the last span; beyond the array where there is none */
	barrier_var(index);
	if (index < SPAN_DEPTH)
		identify_in(identity, &s->spans[index]);
	else if (inherits(s) && is_watched(p, s))
		identify_inherited(identity, s, origin_of(s));
}

static __always_inline void put_identity(struct record_header *header, struct identity *identity)
{
	header->goid = identity->goid;
	header->inherited = identity->inherited;
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
