/* SPDX-License-Identifier: Dual MIT/GPL */
/* Requests to HTTP/2 servers, of net/http itself and of golang.org/x/net/http2:
 * each stream is handled by a goroutine of its own. */
#include "serving.h"
#include "hits.h"

/* What the server proved, 0 where the index is none. */
static __always_inline struct http2_offsets *offsets_of(struct process *p, u32 server)
{
	barrier_var(server);
	return server < HTTP2_SERVERS ? &p->http2[server] : 0;
}

static __noinline int stream_starts(struct pt_regs *ctx, u32 server)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), request = GO_ARG3(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct http2_offsets *o = p ? offsets_of(p, server) : 0;
	if (!p || !o || !(p->flags & PROCESS_HTTP))
		return 0;
	struct arrival arrival = {
		.handle = GO_ARG2(ctx),
		.major = 2,
		.method = request + o->method,
		.url = request + o->url,
		.header = request + o->header,
	};
	begin_request(p, &key, id, now, &arrival);
	return 0;
}

static __noinline int stream_finishes(struct pt_regs *ctx, u32 server)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), writer = GO_ARG1(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct http2_offsets *o = p ? offsets_of(p, server) : 0;
	struct goroutine *s = serving(&key, writer);
	if (!p || !o || !s)
		return 0;
	u64 state = read_word(writer + o->state), request = state + o->request;
	if (o->request_behind)
		request = read_word(request);
	struct answer answer = {
		.status = state + o->status,
		.header = request + o->header,
	};
	if (o->pattern != UNKNOWN_OFFSET)
		answer.pattern = request + o->pattern;
	finish_request(p, s, &key, id, now, &answer);
	return 0;
}

/* func (sc *serverConn) runHandler(rw *responseWriter, req *Request,
 *	handler func(ResponseWriter, *Request)), on the goroutine of the stream */
SPAN_PROBE(http2_starts)
{
	return stream_starts(ctx, HTTP2_STANDARD);
}

/* func (w *responseWriter) handlerDone(), unless the handler panics */
SPAN_PROBE(http2_finishes)
{
	return stream_finishes(ctx, HTTP2_STANDARD);
}

SPAN_PROBE(http2_module_starts)
{
	return stream_starts(ctx, HTTP2_MODULE);
}

SPAN_PROBE(http2_module_finishes)
{
	return stream_finishes(ctx, HTTP2_MODULE);
}

char __license[] SEC("license") = "Dual MIT/GPL";
