/* SPDX-License-Identifier: Dual MIT/GPL */
/* What the goroutine that a span waited for longest had done when it ended that
 * wait, since it was started or took the work. Few spans have one, so that it has
 * no place in each. */
#pragma once

#include "goroutine.h"

struct critical_key {
	u64 goid; /* of the span's goroutine */
	u64 start; /* of the span */
	u32 tgid;
	u32 pad;
};

struct critical_ledger {
	u64 spent[CAUSE_SLOTS]; /* ns */
};

struct critical_ledger_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* of a span that is given up nobody takes it out */
	__uint(max_entries, 8192);
	__type(key, struct critical_key);
	__type(value, struct critical_ledger);
} critical_ledgers SEC(".maps");

static __always_inline struct critical_key critical_key(struct goroutine *s, u32 tgid, struct span *span)
{
	return (struct critical_key){ .goid = s->id, .start = span->start, .tgid = tgid };
}
