/* SPDX-License-Identifier: Dual MIT/GPL */
/* A request on the goroutine that handles it, from when it came to its answer. */
#pragma once

#include "identity.h"
#include "request.h"
#include "span.h"

/* A request that came, and where in memory it stands what is told of it. */
struct arrival {
	u64 handle; /* address of what answers it */
	u64 major; /* of HTTP's version */
	u64 method; /* address of a string */
	u64 url; /* address of a pointer to a url.URL */
	u64 header; /* address of a pointer to a map */
};

static __always_inline void begin_request(struct process *p, struct goroutine_key *key, u32 tid, u64 now,
					  struct arrival *arrival)
{
	/* A request starts on an idle connection's goroutine, or on one of its own, and
	 * is no other span's work. */
	forget_goroutine(key);
	if (bpf_get_prandom_u32() % 1000 >= p->sample_rate) {
		count(SAMPLED_OUT);
		return;
	}
	struct goroutine *s = enter_goroutine(key, p, tid, now);
	if (!s)
		return;
	struct span *span = open_span(s, p, key->tgid, 0, SPAN_REQUEST, arrival->handle, now);
	span->major = arrival->major;
	struct trace_context context = {};
	int called =
	    (p->flags & PROCESS_TRACEPARENT) && read_trace_context(read_word(arrival->header), &context);
	if (!identify(span, called ? &context : 0)) {
		count(SAMPLED_OUT);
		leave_goroutine(s, key);
		return;
	}
	s->method_len = read_string(s->method, METHOD_SIZE, arrival->method);
	s->path_len = read_string(s->path, PATH_SIZE, read_word(arrival->url) + p->url_path);
}

/* Of the request that has this handle, else 0. */
static __always_inline struct goroutine *serving(struct goroutine_key *key, u64 handle)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	return s && find_span(s, SPAN_REQUEST, handle) == 0 ? s : 0;
}

static __always_inline void finish_request(struct process *p, struct goroutine *s, struct goroutine_key *key,
					   u32 tid, u64 now, struct answer *answer)
{
	book(s, p, key, tid, now);
	if (!s->spans[0].sdk_inside)
		tell_request(p, s, key->tgid, tid, answer);
	if (s->depth > 1)
		count_many(UNFINISHED_SPANS, outgoing_spans(s)); /* left by a panic */
	leave_goroutine(s, key);
}
