/* SPDX-License-Identifier: Dual MIT/GPL */
/* How often the probes of a process were hit: what the governor reckons their
 * cost from. The cookie of a probe's link is the process's slot; a kernel without
 * cookies looks the process up. */
#pragma once

#include "features.h"
#include "process.h"

#define HIT_SLOTS 4096

struct hit_count {
	u64 scheduler; /* of the probes on the goroutine scheduler */
	u64 spans; /* of all others */
};

struct hit_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HIT_SLOTS);
	__type(key, u32);
	__type(value, struct hit_count);
} hits SEC(".maps");

static __always_inline struct hit_count *hits_of(void *ctx)
{
	u32 slot;
	if (kernel_has_cookies) {
		slot = bpf_get_attach_cookie(ctx);
	} else {
		u32 tgid = bpf_get_current_pid_tgid() >> 32;
		struct process *p = bpf_map_lookup_elem(&processes, &tgid);
		if (!p)
			return 0;
		slot = p->slot;
	}
	return bpf_map_lookup_elem(&hits, &slot);
}

/* Not atomic: a probe that preempts another one of the same slot on the same CPU
 * in just this instruction makes it count one too few. */
static __always_inline void count_scheduler_hit(void *ctx)
{
	struct hit_count *h = hits_of(ctx);
	if (h)
		h->scheduler++;
}

static __always_inline void count_span_hit(void *ctx)
{
	struct hit_count *h = hits_of(ctx);
	if (h)
		h->spans++;
}
