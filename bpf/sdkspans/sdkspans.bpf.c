/* SPDX-License-Identifier: Dual MIT/GPL */
/* Spans of the OpenTelemetry Go SDK, whole, at their end. */
#include "ending.h"
#include "hits.h"
#include "image.h"

/* Where the SDK of a process keeps what: absent where its spans are not told. */
struct sdk_layout_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32); /* tgid */
	__type(value, struct sdk_layout);
} sdk_layouts SEC(".maps");

/* Scope and resource of a tracer are told once a second: then they are right again
 * where its memory became another one's. */
#define TRACER_FRESH 1000000000ULL

struct tracer_key {
	u64 tracer;
	u32 tgid;
	u32 pad;
};

/* When a tracer was told last. */
struct told_tracer_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct tracer_key);
	__type(value, u64);
} told_tracers SEC(".maps");

static __always_inline int is_fresh(struct tracer_key *key, u64 now)
{
	u64 *told = bpf_map_lookup_elem(&told_tracers, key);
	return told && now - *told < TRACER_FRESH;
}

static __always_inline void deliver(struct scratch *s, struct tracer_key *key, int fresh, u64 now)
{
	u64 size = sizeof(s->record) + s->record.size;
	barrier_var(size); /* else the check is of the image's size alone */
	if (size > sizeof(s->record) + IMAGE_SIZE)
		return;
	if (bpf_ringbuf_output(&records, &s->record, size, wake_up())) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	count(RECORDS);
	if (!fresh && *image_word(s, IMAGE_TRACER)) /* after the record: who comes next relies on it */
		bpf_map_update_elem(&told_tracers, key, &now, BPF_ANY);
}

/* The struct of the span, 0 where it cannot be read or has no end. */
static __always_inline u32 copy_struct(struct scratch *s, struct sdk_layout *l, u64 handle)
{
	s->record.size = IMAGE_START;
	s->record.pad = 0;
	s->follow = 0;
	*image_word(s, IMAGE_TRACER) = 0;
	copy_chunk(s, IMAGE_SPAN, handle, l->span_size, CHUNK_SPAN);
	u32 span = *image_word(s, IMAGE_SPAN);
	if (span && (*image_word(s, span + l->end_time) | *image_word(s, span + l->end_time + 8)))
		return span;
	return 0;
}

static __always_inline void tell_whole(struct scratch *s, struct sdk_layout *l, u64 handle, u32 tgid)
{
	struct tracer_key key = { .tgid = tgid };
	struct walk walk = { .s = s, .l = l };
	u64 now = bpf_ktime_get_ns();
	u32 span = copy_struct(s, l, handle);
	if (span)
		key.tracer = *image_word(s, span + l->tracer);
	if (!key.tracer) {
		count(DROPPED_SPAN_UNREADABLE);
		return;
	}
	int fresh = is_fresh(&key, now);
	s->record.tracer = key.tracer;
	if (!fresh) { /* first, so that it has room whatever the span is like */
		s->follow = 0;
		copy_chunk(s, IMAGE_TRACER, key.tracer, l->tracer_size, CHUNK_TRACER);
		follow_chunk(&walk, *image_word(s, IMAGE_TRACER));
	}
	follow_chunk(&walk, span);
	deliver(s, &key, fresh, now);
}

/* In func (s *recordingSpan) End, where it looks whether there are processors to
 * tell of the span: its end is written, and nobody changes it any more. The
 * program may sleep, so that pages which are not in memory are read too. */
PROBE("uprobe.multi.s", sdk_span_ended, spans)
{
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct ending *e = bpf_map_lookup_elem(&ending_spans, &key);
	struct sdk_layout *l = bpf_map_lookup_elem(&sdk_layouts, &key.tgid);
	if (!e || !l)
		return 0;
	u64 handle = e->handle;
	struct scratch *s = take_scratch();
	if (!s) {
		count(DROPPED_SCRATCH_BUSY);
		bpf_map_delete_elem(&ending_spans, &key);
		return 0;
	}
	s->record.span = e->record;
	bpf_map_delete_elem(&ending_spans, &key);
	tell_whole(s, l, handle, key.tgid);
	give_scratch(s);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
