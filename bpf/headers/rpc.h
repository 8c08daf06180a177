/* SPDX-License-Identifier: Dual MIT/GPL */
/* The end of a call on a gRPC server. */
#pragma once

#include "records.h"

/* Tells the call at the bottom of the goroutine's stack, after book(). */
static __always_inline void tell_rpc(struct process *p, struct goroutine *s, u32 tgid, u32 tid, u32 flags,
				     u32 status)
{
	struct rpc_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(&r->span.header, 0, sizeof(r->span.header));
	r->span.header.kind = RECORD_RPC;
	r->span.header.tgid = tgid;
	r->span.header.tid = tid;
	put_span(&r->span, p, s, &s->spans[0]);
	r->span.flags = flags;
	r->status = status;
	r->method_len = s->path_len;
	__builtin_memcpy(r->method, s->path, PATH_SIZE);
	submit(r);
}
