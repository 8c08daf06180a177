/* SPDX-License-Identifier: Dual MIT/GPL */
/* W3C trace context out of an http.Header (map[string][]string) in memory. */
#pragma once

#include "golang.h"

#define TRACEPARENT_SIZE 55 /* https://www.w3.org/TR/trace-context/#traceparent-header */
#define TRACE_FLAG_SAMPLED 1

/* Swiss maps, src/internal/runtime/maps: a group is a control word and eight
 * slots; a small map is one group, a larger one a directory of tables. */
#define MAP_USED 0
#define MAP_DIRECTORY 16
#define MAP_DIRECTORY_LENGTH 24
#define TABLE_GROUPS 16
#define TABLE_GROUP_MASK 24
#define GROUP_SLOTS 8
#define SLOT_EMPTY_OR_DELETED 0x80
#define SLOT_SIZE 40 /* a string and a slice */
#define GROUP_SIZE (8 + GROUP_SLOTS * SLOT_SIZE)
#define MAX_GROUPS 16 /* up to 112 header fields */

struct trace_context {
	u8 trace_id[16];
	u8 span_id[8];
	u32 flags;
};

static const char traceparent_key[11] = "Traceparent";

static __always_inline int slot_holds_traceparent(u64 slot)
{
	if (read_word(slot + 8) != sizeof(traceparent_key))
		return 0;
	char key[sizeof(traceparent_key)] = {};
	READ_USER(key, read_word(slot));
	for (u32 i = 0; i < sizeof(key); i++) {
		if (key[i] != traceparent_key[i])
			return 0;
	}
	return 1;
}

/* The address of the header's values in one group, 0 where it is not there. */
static __always_inline u64 scan_group(u64 group)
{
	u64 control = read_word(group);
	for (u32 i = 0; i < GROUP_SLOTS; i++) {
		u64 slot = group + 8 + i * SLOT_SIZE;
		if ((control >> (8 * i)) & SLOT_EMPTY_OR_DELETED || !slot_holds_traceparent(slot))
			continue;
		return read_word(slot + 16); /* []string */
	}
	return 0;
}

static __always_inline u64 find_traceparent(u64 header)
{
	if (!header || !read_word(header + MAP_USED))
		return 0;
	u64 directory = read_word(header + MAP_DIRECTORY);
	if (!read_word(header + MAP_DIRECTORY_LENGTH))
		return scan_group(directory);
	u64 table = read_word(directory);
	u64 groups = read_word(table + TABLE_GROUPS);
	u64 mask = read_word(table + TABLE_GROUP_MASK);
	for (u32 i = 0; i < MAX_GROUPS && i <= mask; i++) {
		u64 values = scan_group(groups + i * GROUP_SIZE);
		if (values)
			return values;
	}
	return 0;
}

/* Copies the first of the header's values, with one byte of what may follow. */
static __always_inline int read_traceparent(u64 values, char value[TRACEPARENT_SIZE + 1])
{
	u64 data = read_word(values), len = read_word(values + 8);
	if (!values || len < TRACEPARENT_SIZE ||
	    bpf_probe_read_user(value, TRACEPARENT_SIZE, (const void *)data))
		return 0;
	if (len > TRACEPARENT_SIZE)
		READ_USER(value[TRACEPARENT_SIZE], data + TRACEPARENT_SIZE);
	return 1;
}

static __always_inline s32 hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Whether any of the bytes is not zero; -1 where the text is not all hex digits. */
static __always_inline int parse_hex(const char *text, u8 *bytes, u32 n)
{
	u8 any = 0;
	for (u32 i = 0; i < n; i++) {
		s32 high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		bytes[i] = high << 4 | low;
		any |= bytes[i];
	}
	return any != 0;
}

/* Version 00 ends after the flags; a later one may go on after another '-'. */
static __always_inline int has_known_version(const char value[TRACEPARENT_SIZE + 1])
{
	u8 version = 0;
	if (parse_hex(value, &version, 1) < 0 || version == 0xff)
		return 0;
	char next = value[TRACEPARENT_SIZE];
	return !next || (version && next == '-');
}

/* 1 where the header carried a valid context. */
static __always_inline int read_trace_context(u64 header, struct trace_context *context)
{
	char value[TRACEPARENT_SIZE + 1] = {};
	u8 flags = 0;
	if (!read_traceparent(find_traceparent(header), value) || value[2] != '-' || value[35] != '-' ||
	    value[52] != '-')
		return 0;
	if (!has_known_version(value) || parse_hex(&value[53], &flags, 1) < 0)
		return 0;
	if (parse_hex(&value[3], context->trace_id, 16) <= 0 ||
	    parse_hex(&value[36], context->span_id, 8) <= 0)
		return 0;
	context->flags = flags;
	return 1;
}
