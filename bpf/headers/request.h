/* SPDX-License-Identifier: Dual MIT/GPL */
/* The end of a request. */
#pragma once

#include "records.h"

/* Tells the request at the bottom of the goroutine's stack, after spend(), if no
 * SDK does (sdk_inside). Its response is 0 where the goroutine ended without finishing it. */
static __always_inline void tell_request(struct process *p, struct goroutine *s, u32 tgid, u32 tid,
					 u64 response)
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
	if (!response)
		r->span.flags = span->hijacked ? REQUEST_HIJACKED : REQUEST_ABORTED;
	r->method_len = s->method_len;
	r->path_len = s->path_len;
	__builtin_memcpy(r->method, s->method, METHOD_SIZE);
	__builtin_memcpy(r->path, s->path, PATH_SIZE);
	if (response)
		READ_USER(r->status, response + p->response_status);
	if (response && p->request_pattern != UNKNOWN_OFFSET && p->response_request != UNKNOWN_OFFSET) {
		u64 request = read_word(response + p->response_request);
		r->route_len = read_string(r->route, PATH_SIZE, request + p->request_pattern);
	}
	submit(r);
}
