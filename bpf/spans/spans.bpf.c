/* SPDX-License-Identifier: Dual MIT/GPL */
/* Where spans begin and end: requests of a net/http server and spans of the
 * OpenTelemetry SDK, each bound to the goroutine that executes it. */
#include "allocation.h"
#include "ending.h"
#include "exit.h"
#include "hits.h"
#include "serving.h"

/* func (sh serverHandler) ServeHTTP(rw ResponseWriter, req *Request)
 * Of HTTP/2 each stream has a goroutine of its own (bpf/http2), through which it
 * comes here or does not; what an HTTP/1 server takes for such a request is the
 * preface of a connection that its handler will take over. */
SPAN_PROBE(request_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), request = GO_ARG4(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_HTTP))
		return 0;
	u64 major = read_word(request + p->request_proto_major);
	if (major != 1) {
		if (!(p->flags & PROCESS_HTTP2))
			count(UNSUPPORTED_HTTP2);
		return 0;
	}
	struct arrival arrival = {
		.handle = GO_ARG3(ctx),
		.major = major,
		.method = request + p->request_method,
		.url = request + p->request_url,
		.header = request + p->request_header,
	};
	begin_request(p, &key, id, now, &arrival);
	return 0;
}

/* func (w *response) finishRequest() */
SPAN_PROBE(request_finishes)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), response = GO_ARG1(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = serving(&key, response);
	if (!p || !s)
		return 0;
	u64 request = read_word(response + p->response_request);
	struct answer answer = {
		.status = response + p->response_status,
		.minor = request + p->http.proto_minor,
		.header = request + p->request_header,
	};
	if (p->request_pattern != UNKNOWN_OFFSET)
		answer.pattern = request + p->request_pattern;
	finish_request(p, s, &key, id, now, &answer);
	return 0;
}

/* func (w *response) Hijack() (rwc net.Conn, buf *bufio.ReadWriter, err error) */
SPAN_PROBE(request_hijacked)
{
	u64 id = bpf_get_current_pid_tgid();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct goroutine *s = serving(&key, GO_ARG1(ctx));
	if (s)
		s->spans[0].hijacked = 1;
	return 0;
}

/* func (tr *tracer) Start(ctx, name, options...) (context.Context, trace.Span)
 * A request in which an SDK is asked for a span is the SDK's to tell, or, by its
 * sampler, not to tell: one that came in, and one that is about to go out. */
SPAN_PROBE(sdk_tracer_starts)
{
	u64 id = bpf_get_current_pid_tgid();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (!s)
		return 0;
	s->creation.sdk_inside = 1;
	if (!s->depth)
		return 0;
	if (is_incoming(s->spans[0].kind))
		s->spans[0].sdk_inside = 1;
	struct span *innermost = top_span(s);
	if (innermost && is_outgoing(innermost->kind))
		innermost->sdk_inside = 1;
	return 0;
}

/* What happens in a request outside of the SDK's first span gets its identity. */
static __always_inline void identify_by_sdk(struct goroutine *s, struct span *sdk)
{
	struct span *request = &s->spans[0];
	if (!is_incoming(request->kind) || s->depth != 2)
		return;
	__builtin_memcpy(request->trace_id, sdk->trace_id, 16);
	__builtin_memcpy(request->span_id, sdk->span_id, 8);
}

/* func (s *recordingSpan) runtimeTrace(ctx context.Context) context.Context
 * is the last thing that the SDK's Tracer.Start calls. */
SPAN_PROBE(sdk_span_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), handle = GO_ARG1(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p)
		return 0;
	u64 context = handle + p->span_context;
	u8 flags = 0;
	READ_USER(flags, context + p->context_flags);
	if (!(flags & 1))
		return 0;
	struct goroutine *s = enter_goroutine(&key, p, id, now);
	if (!s)
		return 0;
	make_room(s, SPAN_SDK, handle);
	u32 place = s->depth;
	barrier_var(place);
	if (place >= SPAN_DEPTH)
		return 0;
	struct span *span = open_span(s, p, key.tgid, place, SPAN_SDK, handle, now);
	READ_USER(span->trace_id, context + p->context_trace_id);
	READ_USER(span->span_id, context + p->context_span_id);
	READ_USER(span->parent_id, handle + p->span_parent + p->context_span_id);
	identify_by_sdk(s, span);
	return 0;
}

/* One entry of ending_spans, all zero: it is too large for the stack of a program. */
struct blank_ending_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct ending);
} blank_ending SEC(".maps");

static __always_inline struct ending *begin_ending(struct goroutine_key *key, u64 handle, u32 tid)
{
	u32 zero = 0;
	struct ending *e = bpf_map_lookup_elem(&blank_ending, &zero);
	if (!e || bpf_map_update_elem(&ending_spans, key, e, BPF_ANY)) {
		count(DROPPED_GOROUTINES_FULL);
		return 0;
	}
	e = bpf_map_lookup_elem(&ending_spans, key);
	if (!e)
		return 0;
	e->handle = handle;
	e->record.header.kind = RECORD_SDK_SPAN;
	e->record.header.tgid = key->tgid;
	e->record.header.tid = tid;
	return e;
}

/* A span that began on another goroutine, or before the probes, has no ledger. One
 * that has ended is not ended again. */
static __always_inline void end_elsewhere(struct goroutine_key *key, struct process *p, u32 tid, u64 now,
					  u64 handle)
{
	u64 end = handle + p->span_end_time;
	if (read_word(end) || read_word(end + 8))
		return;
	struct ending *e = begin_ending(key, handle, tid);
	if (!e)
		return;
	READ_USER(e->record.header.goid, key->g + p->g_goid);
	e->record.header.start = e->record.header.end = now;
}

static __always_inline void tell_ledger(struct process *p, struct goroutine *s, struct span *span,
					struct goroutine_key *key, u32 tid)
{
	struct span_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(&r->header, 0, sizeof(r->header));
	r->header.kind = RECORD_SPAN;
	r->header.tgid = key->tgid;
	r->header.tid = tid;
	r->flags = 0;
	put_span(r, p, s, span);
	submit(r);
}

/* func (s *recordingSpan) End(options ...trace.SpanEndOption) */
SPAN_PROBE(sdk_span_ends)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns(), handle = GO_ARG1(ctx);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p)
		return 0;
	u8 flags = 0;
	READ_USER(flags, handle + p->span_context + p->context_flags);
	if (!(flags & 1))
		return 0;
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	u32 index = s ? find_span(s, SPAN_SDK, handle) : SPAN_DEPTH;
	if (!s || index >= SPAN_DEPTH) {
		count(ENDED_ELSEWHERE);
		if (p->flags & PROCESS_SDK_SPANS)
			end_elsewhere(&key, p, id, now, handle);
		return 0;
	}
	book(s, p, &key, id, now);
	if (p->flags & PROCESS_SDK_SPANS) {
		/* Of one that is ended again, End returns before it tells of it. */
		struct ending *e = has_ended(p, &s->spans[index]) ? 0 : begin_ending(&key, handle, id);
		if (e)
			put_span(&e->record, p, s, &s->spans[index]);
	} else {
		tell_ledger(p, s, &s->spans[index], &key, id);
	}
	remove_span(s, index);
	if (!s->depth)
		leave_goroutine(s, &key);
	return 0;
}

/* func goexit0(gp *g), on the thread's system stack: the goroutine has returned.
 * With the scheduler's probes detached, nothing else tells of its end. */
SPAN_PROBE(goroutine_ends)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_ARG1(ctx), .tgid = id >> 32 };
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (s && p)
		goroutine_exits(s, p, &key, id, now);
	return 0;
}

/* func profilealloc(mp *m, x unsafe.Pointer, size uintptr), as a sample is taken: of
 * one allocation in MemProfileRate bytes, on average. */
SPAN_PROBE(allocation_sampled)
{
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!s || !p || !p->memory_profile_rate)
		return 0;
	s->allocated.bytes += sampled_bytes(GO_ARG3(ctx), read_word(p->memory_profile_rate));
	s->allocated.samples++;
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
