/* SPDX-License-Identifier: Dual MIT/GPL */
/* Unary calls of gRPC clients (google.golang.org/grpc), inside of a span. */
#include "client.h"
#include "hits.h"

/* func invoke(ctx context.Context, method string, req, reply any, cc *ClientConn,
 *	opts ...CallOption) error */
SEC("uprobe.multi")
int rpc_client_starts(struct pt_regs *ctx)
{
	count_span_hit(ctx);
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

/* The code of an error, NO_STATUS of one that is no status. No error is OK, and
 * so is io.EOF: gRPC's finish takes it for the end of a stream. */
static __always_inline u32 code_of(struct process *p, u64 itab, u64 error)
{
	u32 code = NO_STATUS;
	if (!itab || (itab == read_word(p->rpc.eof) && error == read_word(p->rpc.eof + 8)))
		return 0;
	if (!p->rpc.error_itab || itab != p->rpc.error_itab)
		return NO_STATUS;
	u64 status = read_word(error + p->rpc.error_status);
	u64 message = status ? read_word(status + p->rpc.status) : 0;
	if (message)
		READ_USER(code, message + p->rpc.code);
	return code;
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
	struct rpc_client_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->span.header.kind = RECORD_RPC_CLIENT;
	r->span.header.tgid = id >> 32;
	r->span.header.tid = id;
	put_span(&r->span, p, s, span);
	r->status = status;
	r->target_len = read_string(r->target, PATH_SIZE, span->request + p->rpc.target);
	u64 len = span->method_len;
	if (len > PATH_SIZE - 1)
		len = PATH_SIZE - 1;
	len &= PATH_SIZE - 1;
	if (len && !bpf_probe_read_user(r->method, len, (const void *)span->method))
		r->method_len = len;
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
	spend(s, key.tgid, now);
	if (!s->spans[index].sdk_inside)
		tell_call(p, s, &s->spans[index], id, code_of(p, itab, error));
	remove_span(s, index);
	if (!s->depth)
		leave_goroutine(s, &key);
	return 0;
}

/* In invoke, right after it called newClientStream(), which returns a stream and
 * an error: without a stream there is no finish. */
SEC("uprobe.multi")
int rpc_client_begun(struct pt_regs *ctx)
{
	count_span_hit(ctx);
	u64 itab = GO_ARG3(ctx);
	return itab ? finish(ctx, itab, GO_ARG4(ctx)) : 0;
}

/* func (cs *clientStream) finish(err error) */
SEC("uprobe.multi")
int rpc_client_finishes(struct pt_regs *ctx)
{
	count_span_hit(ctx);
	return finish(ctx, GO_ARG2(ctx), GO_ARG3(ctx));
}

char __license[] SEC("license") = "Dual MIT/GPL";
