/* SPDX-License-Identifier: Dual MIT/GPL */
/* Stops of the world: two probes a stop, and so four a GC cycle. */
#include "hits.h"
#include "records.h"

/* func stopTheWorldWithSema(reason stwReason) worldStop */
SEC("uprobe.multi")
int world_stops(struct pt_regs *ctx)
{
	count_span_hit(ctx);
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct stop_clock *clock = bpf_map_lookup_elem(&stop_clocks, &tgid);
	if (clock) {
		clock->reason = (u8)GO_ARG1(ctx);
		clock->since = bpf_ktime_get_ns();
		return 0;
	}
	struct stop_clock first = { .since = bpf_ktime_get_ns(), .reason = (u8)GO_ARG1(ctx) };
	bpf_map_update_elem(&stop_clocks, &tgid, &first, BPF_NOEXIST);
	return 0;
}

/* func startTheWorldWithSema(now int64, w worldStop) int64
 * where w is {reason, startedStopping, finishedStopping, stoppingCPUTime}. */
SEC("uprobe.multi")
int world_starts(struct pt_regs *ctx)
{
	count_span_hit(ctx);
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	struct stop_clock *clock = bpf_map_lookup_elem(&stop_clocks, &tgid);
	if (!p || !clock || !clock->since)
		return 0;
	u64 since = clock->since;
	clock->since = 0;
	clock->total += now - since;

	struct stop_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->header.kind = RECORD_STOP;
	r->header.tgid = tgid;
	r->header.tid = id;
	r->header.start = since;
	r->header.end = now;
	r->reason = clock->reason;
	if (p->flags & PROCESS_STOP_ARGUMENTS)
		r->stopped = GO_ARG4(ctx);
	if (p->gc_cycles)
		READ_USER(r->gc_cycle, p->gc_cycles);
	if (p->gc_phase)
		READ_USER(r->gc_phase, p->gc_phase);
	submit(r);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
