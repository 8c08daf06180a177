/* SPDX-License-Identifier: Dual MIT/GPL */
/* Streams of gRPC clients: unlike calls, they need not end where they began, nor
 * in the order in which they did, so that they stand on no goroutine's stack. */
#pragma once

#include "client.h"

struct client_stream_key {
	u64 stream; /* address of the clientStream */
	u32 tgid;
	u32 pad;
};

struct client_stream {
	u64 start; /* ns, CLOCK_MONOTONIC */
	struct goroutine_key goroutine; /* on which it began */
	u64 entered; /* that goroutine's */
	u64 goid;
	u32 epoch; /* the process's when it started */
	u32 inherited; /* enum inherited of its parent */
	u8 trace_id[16];
	u8 span_id[8];
	u8 parent_id[8];
	u64 spent_before[CAUSE_SLOTS]; /* the goroutine's ledger when it started */
	u64 looks_before; /* likewise */
};

struct client_stream_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct client_stream_key);
	__type(value, struct client_stream);
} client_streams SEC(".maps");

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

/* A call's record, without what its span says. */
static __always_inline struct rpc_client_record *reserve_call(u64 id, u32 status)
{
	struct rpc_client_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->span.header.kind = RECORD_RPC_CLIENT;
	r->span.header.tgid = id >> 32;
	r->span.header.tid = id;
	r->status = status;
	return r;
}

static __always_inline void put_target(struct rpc_client_record *r, struct process *p, u64 client)
{
	r->target_len = read_string(r->target, PATH_SIZE, client + p->rpc.target);
}

static __always_inline void put_method(struct rpc_client_record *r, u64 method, u64 len)
{
	if (len > PATH_SIZE - 1)
		len = PATH_SIZE - 1;
	len &= PATH_SIZE - 1;
	if (len && !bpf_probe_read_user(r->method, len, (const void *)method))
		r->method_len = len;
}

/* A stream is being created, by a goroutine that is in a span. Until it has been
 * (rpc_stream_begun) the goroutine says so: further attempts are the same stream's. */
static __always_inline void begin_stream(struct process *p, struct goroutine_key *key, u64 stream, u64 frame,
					 u64 now)
{
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	struct identity parent = {};
	if (s && s->creation.stream == stream)
		return;
	enum telling telling = s ? find_parent(&parent, p, s) : OUTSIDE;
	if (telling == OUTSIDE)
		count(OUTSIDE_OF_SPAN);
	if (!s || telling != TELLS)
		return;
	u32 tid = bpf_get_current_pid_tgid();
	if (p->flags & PROCESS_LEDGER)
		find_executing(s, key, p, tid, now);
	book(s, p, key, tid, now);
	struct client_stream begun = {
		.start = s->since,
		.goroutine = *key,
		.entered = s->entered,
		.goid = s->id,
		.epoch = p->epoch,
		.inherited = parent.inherited,
		.looks_before = s->looks,
	};
	random_bytes(begun.span_id, 8);
	__builtin_memcpy(begun.trace_id, parent.trace_id, 16);
	__builtin_memcpy(begun.parent_id, parent.span_id, 8);
	__builtin_memcpy(begun.spent_before, s->spent, sizeof(begun.spent_before));
	struct client_stream_key at = { .stream = stream, .tgid = key->tgid };
	if (!bpf_map_delete_elem(&client_streams, &at))
		count(UNFINISHED_SPANS); /* a panic left it, and its memory is used again */
	if (bpf_map_update_elem(&client_streams, &at, &begun, BPF_NOEXIST)) {
		count(DROPPED_STREAMS_FULL);
		return;
	}
	s->creation = (struct creation){ .stream = stream, .frame = frame };
}

/* What all streams tell; the ledger only where the goroutine is that on which it
 * began, and was seen ever since. */
static __always_inline void put_stream(struct span_record *r, struct process *p, struct client_stream *stream,
				       struct goroutine_key *key, struct goroutine *s, u64 now)
{
	r->header.goid = stream->goid;
	r->header.inherited = stream->inherited;
	r->header.start = stream->start;
	r->header.end = now;
	__builtin_memcpy(r->header.trace_id, stream->trace_id, 16);
	__builtin_memcpy(r->header.span_id, stream->span_id, 8);
	__builtin_memcpy(r->header.parent_id, stream->parent_id, 8);
	if (!s || !same_goroutine(key, &stream->goroutine) || s->entered != stream->entered) {
		r->flags = CLIENT_NO_LEDGER;
		return;
	}
	book(s, p, key, bpf_get_current_pid_tgid(), now);
	r->header.end = s->since;
	for (int i = 0; i < CAUSES; i++)
		r->spent[i] = s->spent[i] - stream->spent_before[i];
	r->ledger = ledger_kind(p, s, stream->epoch);
	r->looks = s->looks - stream->looks_before;
	if (r->ledger == LEDGER_EXACT || s->place)
		return;
	if (s->depth)
		count(DROPPED_SAMPLES_FULL);
	else
		r->flags = CLIENT_NO_LEDGER; /* it has no span of its own: nothing looks at it */
}

/* The end of a stream, once: who takes it out of the map tells it, unless an SDK
 * does. */
static __always_inline void end_stream(struct process *p, struct goroutine_key *key, u64 address, u64 id,
				       u64 now, u32 status)
{
	struct client_stream_key at = { .stream = address, .tgid = key->tgid };
	struct client_stream *found = bpf_map_lookup_elem(&client_streams, &at);
	if (!found)
		return;
	struct client_stream stream = *found;
	if (bpf_map_delete_elem(&client_streams, &at))
		return;
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	if (s && s->creation.stream == address && s->creation.sdk_inside)
		return;
	struct rpc_client_record *r = reserve_call(id, status);
	if (!r)
		return;
	put_stream(&r->span, p, &stream, key, s, now);
	put_target(r, p, read_word(address + p->rpc.client));
	u64 method = read_word(address + p->rpc.header) + p->rpc.header_method;
	put_method(r, read_word(method), read_word(method + 8));
	submit(r);
}
