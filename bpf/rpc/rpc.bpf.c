/* SPDX-License-Identifier: Dual MIT/GPL */
/* Calls on a gRPC server (google.golang.org/grpc), unary and streaming: each is
 * handled by one goroutine, which ends it by writing its status. */
#include "rpc.h"
#include "hits.h"
#include "identity.h"
#include "span.h"

/* golang.org/x/net/http2/hpack.HeaderField: Name, Value string; Sensitive bool. */
#define FIELD_SIZE 40
#define MAX_FIELDS 64
#define TRACEPARENT_NAME 11

struct header_field {
	u64 name, name_len, value, value_len;
};

/* A stream of a connection, between its headers and its handler. */
struct stream_key {
	u64 transport; /* address of the http2Server */
	u32 stream;
	u32 tgid;
};

/* What the callers of streams that no goroutine handles yet said of the trace.
 * Streams that are refused never get one: the oldest give way. */
struct stream_context_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct stream_key);
	__type(value, struct trace_context);
} stream_contexts SEC(".maps");

static __always_inline u64 inner_stream(struct process *p, u64 stream)
{
	return p->rpc.stream_behind ? read_word(stream + p->rpc.stream) : stream + p->rpc.stream;
}

/* "traceparent", padded with zeros, as two little-endian words. */
#define TRACEPAR 0x7261706563617274ULL
#define ENT 0x746e65ULL

/* Where the value of the field is, if it is the trace context, else 0. */
static __always_inline u64 trace_field(u64 at, u64 *len)
{
	struct header_field field = {};
	u64 key[2] = {};
	READ_USER(field, at);
	if (field.name_len != TRACEPARENT_NAME || field.value_len < TRACEPARENT_SIZE)
		return 0;
	if (bpf_probe_read_user(key, TRACEPARENT_NAME, (const void *)field.name))
		return 0;
	*len = field.value_len;
	return key[0] == TRACEPAR && key[1] == ENT ? field.value : 0;
}

/* func (t *http2Server) operateHeaders(ctx context.Context, frame *http2.MetaHeadersFrame,
 * handle func(*ServerStream)) error, on the goroutine that reads the connection. */
SPAN_PROBE(rpc_headers)
{
	u64 frame = GO_ARG4(ctx);
	struct stream_key key = { .transport = GO_ARG1(ctx), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_GRPC))
		return 0;
	u64 fields = read_word(frame + p->rpc.frame_fields);
	u64 n = read_word(frame + p->rpc.frame_fields + 8);
	u64 found = 0, len = 0;
	for (u32 i = 0; i < MAX_FIELDS && i < n && !found; i++)
		found = trace_field(fields + i * FIELD_SIZE, &len);
	char value[FIELD_VALUE_SIZE] = {};
	struct trace_context context = {};
	if (!found || bpf_probe_read_user(value, TRACEPARENT_SIZE, (const void *)found))
		return 0;
	if (len > TRACEPARENT_SIZE)
		READ_USER(value[TRACEPARENT_SIZE], found + TRACEPARENT_SIZE);
	if (!parse_traceparent(value, &context))
		return 0;
	READ_USER(key.stream, read_word(frame + p->rpc.frame_headers) + p->rpc.frame_stream);
	bpf_map_update_elem(&stream_contexts, &key, &context, BPF_ANY);
	return 0;
}

/* 1 where the caller of the stream said what its trace is. */
static __always_inline int take_context(struct process *p, struct stream_key *key, u64 inner,
					struct trace_context *context)
{
	READ_USER(key->stream, inner + p->rpc.id);
	struct trace_context *said = bpf_map_lookup_elem(&stream_contexts, key);
	if (!said)
		return 0;
	*context = *said;
	bpf_map_delete_elem(&stream_contexts, key);
	return 1;
}

/* func (s *Server) handleStream(t transport.ServerTransport, stream *transport.ServerStream)
 * Of the interface t, the second word is the *http2Server. */
SPAN_PROBE(rpc_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), stream = GO_ARG4(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_GRPC))
		return 0;
	u64 inner = inner_stream(p, stream);
	struct stream_key at = { .transport = GO_ARG3(ctx), .tgid = key.tgid };
	struct trace_context context = {};
	int called = take_context(p, &at, inner, &context);
	char slash = 0;
	READ_USER(slash, read_word(inner + p->rpc.method));
	if (slash != '/') /* malformed: gRPC calls no method */
		return 0;
	forget_goroutine(&key); /* a worker, which is done with the call before */
	if (bpf_get_prandom_u32() % 1000 >= p->sample_rate) {
		count(SAMPLED_OUT);
		return 0;
	}
	struct goroutine *s = enter_goroutine(&key, p, id, now);
	if (!s)
		return 0;
	struct span *span = open_span(s, p, key.tgid, 0, SPAN_RPC, stream, now);
	if (!identify(span, called ? &context : 0)) {
		count(SAMPLED_OUT);
		leave_goroutine(s, &key);
		return 0;
	}
	s->path_len = read_string(s->path, PATH_SIZE, inner + p->rpc.method);
	return 0;
}

/* func (t *http2Server) writeStatus(s *ServerStream, st *status.Status) error, and
 * likewise of serverHandlerTransport: always the last call on a stream. Spans
 * of an SDK's stats handler end after it, so they stay. */
SPAN_PROBE(rpc_finishes)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (!p || !s || find_span(s, SPAN_RPC, GO_ARG2(ctx)) != 0)
		return 0;
	if (!s->spans[0].sdk_inside) {
		u64 status = GO_ARG3(ctx);
		u64 message = status ? read_word(status + p->rpc.status) : 0;
		u32 code = 0; /* no status is OK */
		if (message)
			READ_USER(code, message + p->rpc.code);
		book(s, p, &key, id, now);
		tell_rpc(p, s, key.tgid, id, 0, code);
	}
	remove_span(s, 0);
	if (!s->depth)
		leave_goroutine(s, &key);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
