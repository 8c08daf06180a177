/* SPDX-License-Identifier: Dual MIT/GPL */
/* Calls of gRPC clients (google.golang.org/grpc), unary and streaming, inside of
 * a span. */
#include "client_stream.h"
#include "hits.h"

/* func invoke(ctx context.Context, method string, req, reply any, cc *ClientConn,
 *	opts ...CallOption) error */
SPAN_PROBE(rpc_client_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_GRPC))
		return 0;
	struct span *span = open_client(ctx, p, &key, SPAN_RPC_CLIENT, now);
	if (!span)
		return 0;
	span->method = GO_ARG3(ctx);
	span->method_len = GO_ARG4(ctx);
	span->request = GO_ARG9(ctx);
	return 0;
}

static __always_inline u32 innermost_call(struct goroutine *s)
{
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		u32 at = SPAN_DEPTH - 1 - i;
		if (at < s->depth && s->spans[at].kind == SPAN_RPC_CLIENT)
			return at;
	}
	return SPAN_DEPTH;
}

static __always_inline void tell_call(struct process *p, struct goroutine *s, struct span *span, u64 id,
				      u32 status)
{
	struct rpc_client_record *r = reserve_call(id, status);
	if (!r)
		return;
	put_span(&r->span, p, s, span);
	put_target(r, p, span->request);
	put_method(r, span->method, span->method_len);
	submit(r);
}

static __always_inline int finish(struct pt_regs *ctx, u64 itab, u64 error)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (!p || !s)
		return 0;
	u32 index = innermost_call(s);
	barrier_var(index);
	if (index >= SPAN_DEPTH)
		return 0;
	book(s, p, &key, id, now);
	if (!s->spans[index].sdk_inside)
		tell_call(p, s, &s->spans[index], id, code_of(p, itab, error));
	remove_span(s, index);
	if (!s->depth)
		leave_goroutine(s, &key);
	return 0;
}

/* In invoke, right after it called newClientStream(), which returns a stream and
 * an error: without a stream there is no finish. */
SPAN_PROBE(rpc_client_begun)
{
	u64 itab = GO_ARG3(ctx);
	return itab ? finish(ctx, itab, GO_ARG4(ctx)) : 0;
}

/* A unary call that is not made in the course of creating a stream, as that of
 * its credentials is: if one was begun here, a panic ended that. */
static __always_inline void forget_creation(struct goroutine_key *key, u64 frame)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	if (s && frame <= s->creation.frame)
		s->creation.stream = 0;
}

/* func (cs *clientStream) newAttemptLocked(isTransparent bool) (*csAttempt, error)
 * Without an attempt, newClientStream() is creating the stream. */
SPAN_PROBE(rpc_stream_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), stream = GO_ARG1(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_GRPC) || read_word(stream + p->rpc.attempt))
		return 0;
	u64 frame = frame_of(p, key.g, GO_SP(ctx));
	if (read_word(stream + p->rpc.desc) == read_word(p->rpc.unary_desc))
		forget_creation(&key, frame);
	else
		begin_stream(p, &key, stream, frame, now);
	return 0;
}

/* In newClientStreamWithParams, right after it called withRetry(), which returns
 * an error: without a stream there need not be a finish. */
SPAN_PROBE(rpc_stream_begun)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), itab = GO_ARG1(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (!p || !s || !s->creation.stream || frame_of(p, key.g, GO_SP(ctx)) > s->creation.frame)
		return 0;
	u64 stream = s->creation.stream;
	if (itab || s->creation.sdk_inside)
		end_stream(p, &key, stream, id, now, itab ? code_of(p, itab, GO_ARG2(ctx)) : 0);
	s->creation.stream = 0;
	return 0;
}

/* func (cs *clientStream) finish(err error), on any goroutine: that of a stream
 * is called again when its context ends. */
SPAN_PROBE(rpc_client_finishes)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), itab = GO_ARG2(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p)
		return 0;
	if (p->rpc.unary_desc && read_word(GO_ARG1(ctx) + p->rpc.desc) != read_word(p->rpc.unary_desc)) {
		end_stream(p, &key, GO_ARG1(ctx), id, now, code_of(p, itab, GO_ARG3(ctx)));
		return 0;
	}
	return finish(ctx, itab, GO_ARG3(ctx));
}

char __license[] SEC("license") = "Dual MIT/GPL";
