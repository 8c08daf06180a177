/* SPDX-License-Identifier: Dual MIT/GPL */
/* Whom the goroutine of a span waited for, of those that inherit the span. */
#pragma once

#include "critical_ledger.h"
#include "inherit.h"

/* The goroutine, which waited since its ledger was booked last, is made ready by
 * the one that the thread runs: as that executes goready itself, it is what was
 * waited for. It counts where it inherits an open span of the other. */
static __always_inline void made_ready(struct goroutine *s, struct goroutine_key *key, u32 tid, u64 now)
{
	struct goroutine_key waker_key;
	struct goroutine *waker = running_on(tid, &waker_key);
	if (!waker || !inherits(waker) || !same_goroutine(&waker->from.owner, key))
		return;
	struct span *span = origin_of(waker);
	u64 wait = now > s->since ? now - s->since : 0;
	if (!span || wait <= span->critical.wait)
		return;
	spend(waker, key->tgid, now);
	struct critical_key at = critical_key(s, key->tgid, span);
	if (bpf_map_update_elem(&critical_ledgers, &at, waker->spent, BPF_ANY)) {
		count(DROPPED_CRITICALS_FULL);
		return;
	}
	span->critical.goid = waker->id;
	span->critical.wait = wait;
}
