/* SPDX-License-Identifier: Dual MIT/GPL */
/* What a goroutine waits for. */
#pragma once

#include "parked.h"

/* The cause by the wait reason, with WAIT_EXECUTES and WAIT_ASSISTS. */
static __always_inline u32 reason_cause(struct process *p, u64 g)
{
	u8 reason = 0;
	READ_USER(reason, g + p->g_waitreason);
	return p->wait_causes[reason & (WAIT_REASONS - 1)];
}

/* Likewise, and by its stack where the reason does not tell. */
static __always_inline u32 wait_cause(struct process *p, u64 g)
{
	u32 cause = reason_cause(p, g);
	if (cause == BLOCKED_SELECT || cause == BLOCKED_CHANNEL)
		return parked_by(p, g, p->network, NETWORK_RANGES) ? BLOCKED_NETWORK : cause;
	if (cause == BLOCKED_SYNC)
		return parked_by(p, g, p->collector, COLLECTOR_RANGES) ? GC_ASSIST : cause;
	return cause;
}
