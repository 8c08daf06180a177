/* SPDX-License-Identifier: Dual MIT/GPL */
/* The end of a request. */
#pragma once

#include "records.h"
#include "traceparent.h"

_Static_assert(AGENT_SIZE == FIELD_VALUE_SIZE, "a field's value fits");

static const char user_agent_key[] = "User-Agent";
static const char accept_key[] = "Accept";
static const char scrape_path[] = "/metrics";

static __always_inline int is_scrape_path(struct goroutine *s)
{
	if (s->path_len != sizeof(scrape_path) - 1)
		return 0;
	for (u32 i = 0; i < sizeof(scrape_path) - 1; i++) {
		if (s->path[i] != scrape_path[i])
			return 0;
	}
	return 1;
}

/* Where in memory it stands what a request was answered, and what else is told
 * of it: addresses, 0 where unknown. */
struct answer {
	u64 status; /* an int */
	u64 pattern; /* a string */
	u64 minor; /* an int */
	u64 header; /* a pointer to a map */
};

static __always_inline void put_answer(struct request_record *r, struct process *p, struct goroutine *s,
				       struct answer *answer)
{
	READ_USER(r->status, answer->status);
	if (answer->pattern)
		r->route_len = read_string(r->route, PATH_SIZE, answer->pattern);
	if (answer->minor)
		READ_USER(r->minor, answer->minor);
	if ((p->flags & PROCESS_TRACEPARENT) && answer->header && is_scrape_path(s)) {
		u64 header = read_word(answer->header);
		r->agent_len = find_field(header, user_agent_key, sizeof(user_agent_key) - 1, r->agent);
		r->accept_len = find_field(header, accept_key, sizeof(accept_key) - 1, r->accept);
	}
}

/* Tells the request at the bottom of the goroutine's stack, after book(), if no
 * SDK does (sdk_inside). There is no answer where the goroutine ended without one. */
static __always_inline void tell_request(struct process *p, struct goroutine *s, u32 tgid, u32 tid,
					 struct answer *answer)
{
	struct span *span = &s->spans[0];
	struct request_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->span.header.kind = RECORD_REQUEST;
	r->span.header.tgid = tgid;
	r->span.header.tid = tid;
	put_span(&r->span, p, s, span);
	if (!answer)
		r->span.flags = span->hijacked ? REQUEST_HIJACKED : REQUEST_ABORTED;
	r->method_len = s->method_len;
	r->path_len = s->path_len;
	__builtin_memcpy(r->method, s->method, METHOD_SIZE);
	__builtin_memcpy(r->path, s->path, PATH_SIZE);
	r->major = span->major;
	r->minor = NO_VERSION;
	if (answer)
		put_answer(r, p, s, answer);
	submit(r);
}
