/* SPDX-License-Identifier: Dual MIT/GPL */
/* Spans of an SDK between the entry of their End and the moment when their end is
 * written: where a process's spans are told whole (PROCESS_SDK_SPANS). */
#pragma once

#include "records.h"

struct ending {
	u64 handle; /* address of the *recordingSpan */
	struct span_record record; /* what the goroutine's stack of spans knew */
};

struct ending_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* of two that end a span at once, one stays */
	__uint(max_entries, 8192);
	__type(key, struct goroutine_key);
	__type(value, struct ending);
} ending_spans SEC(".maps");
