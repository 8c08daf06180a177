/* SPDX-License-Identifier: Dual MIT/GPL */
/* W3C trace context, and other fields, out of an http.Header (map[string][]string)
 * in memory. */
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

#define FIELD_NAME_SIZE 16
#define FIELD_VALUE_SIZE 64

static const char traceparent_key[] = "Traceparent";

static __always_inline int slot_holds(u64 slot, const char *name, const u32 name_len)
{
	if (read_word(slot + 8) != name_len)
		return 0;
	char key[FIELD_NAME_SIZE] = {};
	if (bpf_probe_read_user(key, name_len, (const void *)read_word(slot)))
		return 0;
	for (u32 i = 0; i < name_len; i++) {
		if (key[i] != name[i])
			return 0;
	}
	return 1;
}

/* Copies the field's first value from one group; 1 where the field was there. */
static __always_inline int scan_group(u64 group, const char *name, const u32 name_len, char *value, u32 *len)
{
	u64 control = read_word(group);
	for (u32 i = 0; i < GROUP_SLOTS; i++) {
		u64 slot = group + 8 + i * SLOT_SIZE;
		if ((control >> (8 * i)) & SLOT_EMPTY_OR_DELETED || !slot_holds(slot, name, name_len))
			continue;
		*len = read_string(value, FIELD_VALUE_SIZE, read_word(slot + 16)); /* []string */
		return 1;
	}
	return 0;
}

/* Copies the first value of the field with that canonical name, at most
 * FIELD_VALUE_SIZE - 1 bytes, and returns how many: 0 where it is not there. */
static __always_inline u32 find_field(u64 header, const char *name, const u32 name_len, char *value)
{
	u32 len = 0;
	if (!header || !read_word(header + MAP_USED))
		return 0;
	u64 directory = read_word(header + MAP_DIRECTORY);
	if (!read_word(header + MAP_DIRECTORY_LENGTH)) {
		scan_group(directory, name, name_len, value, &len);
		return len;
	}
	u64 table = read_word(directory);
	u64 groups = read_word(table + TABLE_GROUPS);
	u64 mask = read_word(table + TABLE_GROUP_MASK);
	for (u32 i = 0; i < MAX_GROUPS && i <= mask; i++) {
		if (scan_group(groups + i * GROUP_SIZE, name, name_len, value, &len))
			break;
	}
	return len;
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
static __always_inline int has_known_version(const char *value)
{
	u8 version = 0;
	if (parse_hex(value, &version, 1) < 0 || version == 0xff)
		return 0;
	char next = value[TRACEPARENT_SIZE];
	return !next || (version && next == '-');
}

/* 1 where the value, of at least TRACEPARENT_SIZE and with one byte of what may
 * follow, else 0, is a valid context. */
static __always_inline int parse_traceparent(const char *value, struct trace_context *context)
{
	u8 flags = 0;
	if (value[2] != '-' || value[35] != '-' || value[52] != '-')
		return 0;
	if (!has_known_version(value) || parse_hex(&value[53], &flags, 1) < 0)
		return 0;
	if (parse_hex(&value[3], context->trace_id, 16) <= 0 ||
	    parse_hex(&value[36], context->span_id, 8) <= 0)
		return 0;
	context->flags = flags;
	return 1;
}

/* 1 where the header carried a valid context. */
static __always_inline int read_trace_context(u64 header, struct trace_context *context)
{
	char value[FIELD_VALUE_SIZE] = {};
	if (find_field(header, traceparent_key, sizeof(traceparent_key) - 1, value) < TRACEPARENT_SIZE)
		return 0;
	return parse_traceparent(value, context);
}
