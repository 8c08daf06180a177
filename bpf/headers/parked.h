/* SPDX-License-Identifier: Dual MIT/GPL */
/* By which code a goroutine left its stack: to wait, or for the system stack. */
#pragma once

#include "golang.h"
#include "process.h"

#define FRAMES 8

/* Walks the frame pointers of the goroutine g: is code in one of the ranges among
 * its innermost callers? */
static __always_inline int parked_by(struct process *p, u64 g, struct code_range *ranges, u32 n)
{
	if (p->g_sched_bp == UNKNOWN_OFFSET)
		return 0;
	u64 frame = read_word(g + p->g_sched_bp);
	for (int i = 0; i < FRAMES && frame; i++) {
		u64 caller = read_word(frame + 8);
		for (u32 j = 0; j < n; j++) {
			if (caller > ranges[j].begin && caller <= ranges[j].end)
				return 1;
		}
		frame = read_word(frame);
	}
	return 0;
}
