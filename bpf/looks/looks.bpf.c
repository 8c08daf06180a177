/* SPDX-License-Identifier: Dual MIT/GPL */
/* Looks at goroutines by the clock: whenever it interrupts a thread of a process
 * that is looked at. While none of its threads is on a CPU, no state changes. */
#include "look.h"

SEC("perf_event")
int look_due(void *ctx)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32;
	struct process *p = observed_process(tgid);
	if (!p || !is_time_to_look(p, now))
		return 0;
	if (p->tls_g)
		watch_thread(p, tgid, id, now);
	look_at_due(p, tgid, now);
	charge(p, now);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
