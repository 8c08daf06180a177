/* SPDX-License-Identifier: Dual MIT/GPL */
/* When to look at goroutines: the interrupts of a CPU's clock, of which user space
 * is told only while some goroutine is in a span. Waking it up costs more than
 * most looks. */
#include "in_span.h"

struct look {
	u64 at; /* ns, CLOCK_MONOTONIC */
};

struct look_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} looks SEC(".maps");

SEC("perf_event")
int look_due(void *ctx)
{
	if (!places_in_use())
		return 0;
	struct look *l = bpf_ringbuf_reserve(&looks, sizeof(*l), 0);
	if (!l)
		return 0; /* it is told to look already, and has not come for long */
	l->at = bpf_ktime_get_ns();
	bpf_ringbuf_submit(l, BPF_RB_FORCE_WAKEUP);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
