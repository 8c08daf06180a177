/* SPDX-License-Identifier: Dual MIT/GPL */
/* Causes of the time ledger: the numbers of internal/ledger/cause.go. */
#pragma once

enum cause {
	ON_CPU,
	RUNNABLE,
	OS_RUNQUEUE,
	SYSCALL_FILE,
	SYSCALL_NETWORK,
	SYSCALL_OTHER,
	BLOCKED_NETWORK,
	BLOCKED_CHANNEL,
	BLOCKED_SELECT,
	BLOCKED_MUTEX,
	BLOCKED_SYNC,
	SLEEP,
	GC_ASSIST,
	STOP_THE_WORLD,
	UNATTRIBUTED,
	CAUSES,
};

_Static_assert(CAUSES == 15, "ledger.NumCauses");
/* Arrays by cause are padded so that a mask bounds the index for the verifier. */
#define CAUSE_SLOTS 16
#define CAUSE_MASK 15
_Static_assert(CAUSES <= CAUSE_SLOTS, "a cause needs a slot");

static __always_inline int is_syscall_cause(u32 cause)
{
	return cause == SYSCALL_FILE || cause == SYSCALL_NETWORK || cause == SYSCALL_OTHER;
}
