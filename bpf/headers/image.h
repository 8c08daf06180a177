/* SPDX-License-Identifier: Dual MIT/GPL */
/* A copy of a span of the OpenTelemetry Go SDK and of all that it refers to.
 *
 * What a span refers to is memory that the process may use for something else as
 * soon as the span has ended, so all of it is copied at that moment: the struct
 * first, then what its pointers lead to, then what those do, as a copying garbage
 * collector does. In the copy, a pointer is replaced by where in the image its
 * copy begins, 0 where there is none: it did not fit or could not be read. The
 * length beside it stays, so that nothing is missing in silence.
 *
 * What Go's strings, slices and interfaces look like: src/runtime/{string,slice,
 * runtime2}.go, src/internal/abi/type.go. */
#pragma once

#include "golang.h"
#include "records.h"

#define IMAGE_SIZE (64 << 10) /* a power of two */
#define CHUNK_SIZE (16 << 10) /* of a string, or of the elements of a slice */
#define IMAGE_STEPS 8192 /* elements of all slices that are followed */
#define SCRATCHES_PER_CPU 8
#define SCRATCH_CPUS 16

#define IMAGE_SPAN 0 /* where the image says where the span is */
#define IMAGE_TRACER 8 /* and its tracer */
#define IMAGE_START 16

#define ABI_KIND_MASK 31
#define ABI_KIND_ARRAY 17

enum chunk_kind {
	CHUNK_BYTES = 1, /* nothing in it is followed */
	CHUNK_STRINGS = 2,
	CHUNK_KEY_VALUES = 3, /* attribute.KeyValue */
	CHUNK_VALUES = 4, /* attribute.Value */
	CHUNK_EVENTS = 5,
	CHUNK_LINKS = 6,
	CHUNK_BOXED_EVENTS = 7, /* interfaces that hold one: SDK before 1.28 */
	CHUNK_BOXED_LINKS = 8,
	CHUNK_SPAN = 9,
	CHUNK_TRACER = 10,
	CHUNK_RESOURCE = 11,
};

/* attribute.KeyValue and attribute.Value: the plan proved that they are such. */
enum attribute_layout {
	KEY_VALUE_SIZE = 64,
	KEY_VALUE_VALUE = 16,
	VALUE_SIZE = 48,
	VALUE_STRING = 16,
	VALUE_SLICE = 32,
	STRING_SIZE = 16,
};

/* attribute.Type, of SDK 1.47. */
enum attribute_type {
	TYPE_STRING = 4,
	TYPE_BOOLS = 5,
	TYPE_STRINGS = 8,
	TYPE_BYTES = 9,
	TYPE_SLICE = 10,
	TYPE_MAP = 11,
};

/* Before each chunk. */
struct chunk {
	u32 bytes; /* that were copied */
	u32 whole; /* that there were */
	u32 kind;
	u32 next; /* chunk to follow after this one */
};

/* Offsets in bytes, and sizes. */
struct sdk_layout {
	u16 span_size, name, status_text, trace_state, attributes, events, links, tracer, end_time;
	u16 boxed; /* events and links are in interfaces */
	u16 event_size, event_name, event_attributes;
	u16 link_size, link_state, link_attributes;
	u16 tracer_size, tracer_provider, scope_name, scope_version, scope_schema;
	u16 scope_attributes; /* UNKNOWN_OFFSET where scopes have none */
	u16 provider_resource, resource_size, resource_set, resource_schema;
};

struct scratch {
	u64 busy;
	u32 follow; /* chunk that is followed, 0: none */
	u32 element; /* the next in it, in bytes */
	u32 last; /* chunk that is to be followed last */
	u32 pad;
	struct sdk_span_record record;
	u8 image[IMAGE_SIZE + CHUNK_SIZE]; /* so that no chunk that begins in it ends beyond */
};

/* Not per-CPU: a program that sleeps shares its CPU. */
struct scratch_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCHES_PER_CPU);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *take_scratch(void)
{
	u32 first = (bpf_get_smp_processor_id() % SCRATCH_CPUS) * SCRATCHES_PER_CPU;
	for (u32 i = 0; i < SCRATCHES_PER_CPU; i++) {
		u32 key = first + i;
		struct scratch *s = bpf_map_lookup_elem(&scratches, &key);
		if (s && !__sync_val_compare_and_swap(&s->busy, 0, 1))
			return s;
	}
	return 0;
}

static __always_inline void give_scratch(struct scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

static __always_inline u64 *image_word(struct scratch *s, u32 at)
{
	return (u64 *)(s->image + (at & (IMAGE_SIZE - 1)));
}

static __always_inline struct chunk *chunk_of(struct scratch *s, u32 at)
{
	return (struct chunk *)image_word(s, at - sizeof(struct chunk));
}

/* Reads memory of the process, 0 if all was there. Nearly always it is resident: then
 * the read that does not wait for pages costs about half of the one that does, in
 * which a kernel with hardened user copies looks for the map's memory
 * (mm/usercopy.c: check_heap_object). */
static __always_inline long read_memory(void *to, u32 bytes, u64 addr)
{
	if (!bpf_probe_read_user(to, bytes, (const void *)addr))
		return 0;
	return bpf_copy_from_user(to, bytes, (const void *)addr);
}

/* Copies memory of the process to the end of the image and lets the word at slot
 * point to it. */
static __noinline int copy_chunk(struct scratch *s, u32 slot, u64 addr, u64 whole, u32 kind)
{
	*image_word(s, slot) = 0;
	u32 bytes = whole > CHUNK_SIZE ? CHUNK_SIZE : whole;
	u32 to = s->record.size + sizeof(struct chunk);
	if (!addr || to + bytes > IMAGE_SIZE)
		return 0;
	barrier_var(bytes);
	if (bytes > CHUNK_SIZE)
		return 0;
	if (bytes && read_memory(image_word(s, to), bytes, addr))
		return 0;
	struct chunk *c = chunk_of(s, to);
	c->bytes = bytes;
	c->whole = whole > 0xffffffff ? 0xffffffff : whole;
	c->kind = kind;
	c->next = 0;
	s->record.size = (to + bytes + 7) & ~7;
	*image_word(s, slot) = to;
	if (kind == CHUNK_BYTES)
		return 0;
	if (s->follow)
		chunk_of(s, s->last)->next = to;
	else
		s->follow = to;
	s->last = to;
	return 0;
}

static __always_inline void copy_string(struct scratch *s, u32 at)
{
	u64 length = *image_word(s, at + 8);
	if (length)
		copy_chunk(s, at, *image_word(s, at), length, CHUNK_BYTES);
}

static __always_inline void copy_slice(struct scratch *s, u32 at, u32 size, u32 kind)
{
	u64 length = *image_word(s, at + 8);
	if (length > 1 << 20)
		length = 1 << 20;
	if (length)
		copy_chunk(s, at, *image_word(s, at), length * size, kind);
}

/* The array in an interface: of the bytes that its type says. */
static __noinline int copy_array(struct scratch *s, u32 at, u32 kind)
{
	struct {
		u64 size;
		u8 others[15];
		u8 kind;
	} type = {};
	u64 descriptor = *image_word(s, at), data = *image_word(s, at + 8);
	*image_word(s, at + 8) = 0;
	if (!descriptor || read_memory(&type, sizeof(type), descriptor))
		return 0;
	if ((type.kind & ABI_KIND_MASK) == ABI_KIND_ARRAY)
		copy_chunk(s, at + 8, data, type.size, kind);
	return 0;
}

static __noinline int copy_value(struct scratch *s, u32 at)
{
	u64 type = *image_word(s, at);
	if (type == TYPE_STRING || type == TYPE_BYTES)
		copy_string(s, at + VALUE_STRING);
	else if (type >= TYPE_BOOLS && type < TYPE_STRINGS)
		copy_array(s, at + VALUE_SLICE, CHUNK_BYTES);
	else if (type == TYPE_STRINGS)
		copy_array(s, at + VALUE_SLICE, CHUNK_STRINGS);
	else if (type == TYPE_SLICE)
		copy_array(s, at + VALUE_SLICE, CHUNK_VALUES);
	else if (type == TYPE_MAP)
		copy_array(s, at + VALUE_SLICE, CHUNK_KEY_VALUES);
	return 0;
}

static __noinline int copy_span(struct scratch *s, struct sdk_layout *l, u32 at)
{
	copy_string(s, at + l->name);
	copy_string(s, at + l->status_text);
	copy_slice(s, at + l->trace_state, 2 * STRING_SIZE, CHUNK_STRINGS);
	copy_slice(s, at + l->attributes, KEY_VALUE_SIZE, CHUNK_KEY_VALUES);
	copy_slice(s, at + l->events, l->boxed ? STRING_SIZE : l->event_size,
		   l->boxed ? CHUNK_BOXED_EVENTS : CHUNK_EVENTS);
	copy_slice(s, at + l->links, l->boxed ? STRING_SIZE : l->link_size,
		   l->boxed ? CHUNK_BOXED_LINKS : CHUNK_LINKS);
	return 0;
}

static __noinline int copy_tracer(struct scratch *s, struct sdk_layout *l, u32 at)
{
	copy_string(s, at + l->scope_name);
	copy_string(s, at + l->scope_version);
	copy_string(s, at + l->scope_schema);
	if (l->scope_attributes != UNKNOWN_OFFSET)
		copy_array(s, at + l->scope_attributes, CHUNK_KEY_VALUES);
	u64 resource = 0, provider = *image_word(s, at + l->tracer_provider);
	read_memory(&resource, sizeof(resource), provider + l->provider_resource);
	copy_chunk(s, at + l->tracer_provider, resource, l->resource_size, CHUNK_RESOURCE);
	return 0;
}

static __always_inline u32 element_size(struct sdk_layout *l, u32 kind, u32 bytes)
{
	switch (kind) {
	case CHUNK_STRINGS:
	case CHUNK_BOXED_EVENTS:
	case CHUNK_BOXED_LINKS:
		return STRING_SIZE;
	case CHUNK_KEY_VALUES:
		return KEY_VALUE_SIZE;
	case CHUNK_VALUES:
		return VALUE_SIZE;
	case CHUNK_EVENTS:
		return l->event_size;
	case CHUNK_LINKS:
		return l->link_size;
	default:
		return bytes;
	}
}

struct walk {
	struct scratch *s;
	struct sdk_layout *l;
};

/* Follows the pointers of one element. */
static long follow_element(u32 i, struct walk *w)
{
	struct scratch *s = w->s;
	struct sdk_layout *l = w->l;
	u32 at = s->follow;
	if (!at)
		return 1;
	struct chunk *c = chunk_of(s, at);
	u32 kind = c->kind, size = element_size(l, kind, c->bytes), element = s->element;
	if (!size || element + size > c->bytes) {
		s->follow = c->next;
		s->element = 0;
		return 0;
	}
	s->element = element + size;
	at += element;
	switch (kind) {
	case CHUNK_STRINGS:
		copy_string(s, at);
		break;
	case CHUNK_KEY_VALUES:
		copy_string(s, at);
		copy_value(s, at + KEY_VALUE_VALUE);
		break;
	case CHUNK_VALUES:
		copy_value(s, at);
		break;
	case CHUNK_EVENTS:
		copy_string(s, at + l->event_name);
		copy_slice(s, at + l->event_attributes, KEY_VALUE_SIZE, CHUNK_KEY_VALUES);
		break;
	case CHUNK_LINKS:
		copy_slice(s, at + l->link_state, 2 * STRING_SIZE, CHUNK_STRINGS);
		copy_slice(s, at + l->link_attributes, KEY_VALUE_SIZE, CHUNK_KEY_VALUES);
		break;
	case CHUNK_BOXED_EVENTS:
		copy_chunk(s, at + 8, *image_word(s, at + 8), l->event_size, CHUNK_EVENTS);
		break;
	case CHUNK_BOXED_LINKS:
		copy_chunk(s, at + 8, *image_word(s, at + 8), l->link_size, CHUNK_LINKS);
		break;
	case CHUNK_SPAN:
		copy_span(s, l, at);
		break;
	case CHUNK_TRACER:
		copy_tracer(s, l, at);
		break;
	case CHUNK_RESOURCE:
		copy_string(s, at + l->resource_schema);
		copy_array(s, at + l->resource_set, CHUNK_KEY_VALUES);
		break;
	}
	return 0;
}

/* Follows the pointers of a chunk, and of what they lead to. */
static __always_inline void follow_chunk(struct walk *w, u32 chunk)
{
	w->s->follow = w->s->last = chunk;
	w->s->element = 0;
	bpf_loop(IMAGE_STEPS, follow_element, w, 0);
}
