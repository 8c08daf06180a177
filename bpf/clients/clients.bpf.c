/* SPDX-License-Identifier: Dual MIT/GPL */
/* Requests that net/http clients send, inside of a span. */
#include "client.h"
#include "hits.h"

/* func send(ireq *Request, rt RoundTripper, deadline time.Time)
 *	(resp *Response, didTimeout func() bool, err error) */
SPAN_PROBE(client_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_HTTP))
		return 0;
	struct span *span = open_client(ctx, p, &key, SPAN_CLIENT, now);
	if (span)
		span->request = GO_ARG1(ctx);
	return 0;
}

static __always_inline void tell_client(struct process *p, struct goroutine *s, struct span *span, u64 id,
					u64 answer, int failed)
{
	struct client_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->span.header.kind = RECORD_CLIENT;
	r->span.header.tgid = id >> 32;
	r->span.header.tid = id;
	put_span(&r->span, p, s, span);
	u64 request = span->request, url = read_word(request + p->request_url);
	r->method_len = read_string(r->method, METHOD_SIZE, request + p->request_method);
	r->scheme_len = read_string(r->scheme, METHOD_SIZE, url + p->http.url_scheme);
	r->host_len = read_string(r->host, PATH_SIZE, url + p->http.url_host);
	r->path_len = read_string(r->path, PATH_SIZE, url + p->url_path);
	if (failed) {
		r->span.flags = CLIENT_FAILED;
	} else {
		READ_USER(r->status, answer + p->http.answer_status);
		READ_USER(r->major, answer + p->http.answer_major);
		READ_USER(r->minor, answer + p->http.answer_minor);
	}
	submit(r);
}

/* In func (c *Client) send(), right after it called the other send: the branch
 * on its error, with the results still in their registers. */
SPAN_PROBE(client_finishes)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (!p || !s)
		return 0;
	u32 index = find_span(s, SPAN_CLIENT, frame_of(p, key.g, GO_SP(ctx)));
	barrier_var(index);
	if (index >= SPAN_DEPTH)
		return 0;
	book(s, p, &key, id, now);
	if (!s->spans[index].sdk_inside)
		tell_client(p, s, &s->spans[index], id, GO_ARG1(ctx), !!GO_ARG3(ctx));
	remove_span(s, index);
	if (!s->depth)
		leave_goroutine(s, &key);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
