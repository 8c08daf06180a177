/* SPDX-License-Identifier: Dual MIT/GPL */
/* How often the programs ran for a process and for how long: what the governor
 * reckons their cost from. The cookie of a probe's link is the process's slot; a
 * kernel without cookies looks the process up. */
#pragma once

#include "features.h"
#include "process.h"

#define HIT_SLOTS 4096

/* Of the probes on the goroutine scheduler, of all others, and of the tracepoints. */
struct hit_count {
	u64 scheduler, spans, kernel;
	u64 scheduler_ns, spans_ns, kernel_ns;
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

/* A probe, whose hits are counted and timed: the cost of the same instructions differs
 * tenfold between a busy and an idle machine. Not atomic: a probe that preempts another
 * one of the same slot on the same CPU in just this instruction makes it count one too
 * few. */
#define PROBE(section, name, tier) \
	static __always_inline int name##_hit(struct pt_regs *ctx); \
	SEC(section) \
	int name(struct pt_regs *ctx) \
	{ \
		u64 began = bpf_ktime_get_ns(); \
		name##_hit(ctx); \
		struct hit_count *h = hits_of(ctx); \
		if (h) { \
			h->tier++; \
			h->tier##_ns += bpf_ktime_get_ns() - began; \
		} \
		return 0; \
	} \
	static __always_inline int name##_hit(struct pt_regs *ctx)

#define SPAN_PROBE(name) PROBE("uprobe.multi", name, spans)
#define SCHEDULER_PROBE(name) PROBE("uprobe.multi", name, scheduler)

/* A tracepoint's program has run for a process since it began. */
static __always_inline void charge(struct process *p, u64 began)
{
	struct hit_count *h = bpf_map_lookup_elem(&hits, &p->slot);
	if (!h)
		return;
	h->kernel++;
	h->kernel_ns += bpf_ktime_get_ns() - began;
}
