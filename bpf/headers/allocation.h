/* SPDX-License-Identifier: Dual MIT/GPL */
/* What a goroutine allocates, by the samples that the Go runtime takes. */
#pragma once

#include "goroutine.h"

#define ALLOCATION_STEPS 16

/* x / (e^x - 1) in 1024ths, for x = 0, 1/2, 1, … */
static const u16 beyond_size[ALLOCATION_STEPS + 1] = { 1024, 789, 596, 441, 321, 229, 161, 112, 76,
						       52,   35,  23,  15,  10,	 7,   4,   3 };

/* How many bytes one sampled object of a size stands for, at one sample in rate
 * bytes: size / (1 - e^-x), where x = size / rate (scaleHeapSample of
 * src/runtime/pprof/protomem.go), which is size + rate * x / (e^x - 1); right
 * within 0.6 %. */
static __always_inline u64 sampled_bytes(u64 size, u64 rate)
{
	if (rate <= 1)
		return size;
	u64 step = 2 * size / rate;
	if (step >= ALLOCATION_STEPS)
		return size;
	u64 within = 2 * size % rate * 1024 / rate;
	u32 at = step & (ALLOCATION_STEPS - 1);
	u64 below = beyond_size[at] * (1024 - within) + beyond_size[at + 1] * within;
	return size + rate * below / (1024 * 1024);
}
