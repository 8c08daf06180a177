/* SPDX-License-Identifier: Dual MIT/GPL */
/* Stops of the world: three probes a stop, and so six a GC cycle. */
#include "hits.h"
#include "look.h"
#include "records.h"

/* The goroutine that stops the world executes for that, until it runs again. */
static __always_inline void stopper(struct process *p, u32 tgid, u32 tid, u32 stops, u64 now)
{
	struct goroutine_key key;
	struct goroutine *s = 0;
	if (p && p->flags & PROCESS_LEDGER)
		s = running_on(tid, &key);
	else if (p && is_looked_at(p) && p->tls_g)
		s = watch_thread(p, tgid, tid, now);
	if (!s)
		return;
	s->stops_world = stops;
	change_cause(s, tgid, now, s->executing);
}

/* func stopTheWorldWithSema(reason stwReason) worldStop */
SPAN_PROBE(world_stops)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32;
	stopper(bpf_map_lookup_elem(&processes, &tgid), tgid, id, 1, now);
	struct stop_clock *clock = bpf_map_lookup_elem(&stop_clocks, &tgid);
	if (clock) {
		clock->reason = (u8)GO_ARG1(ctx);
		clock->since = now;
		return 0;
	}
	struct stop_clock first = { .since = now, .reason = (u8)GO_ARG1(ctx) };
	bpf_map_update_elem(&stop_clocks, &tgid, &first, BPF_NOEXIST);
	return 0;
}

static __always_inline void world_runs_again(struct process *p, struct stop_clock *clock, u32 tgid, u32 tid,
					     u64 now)
{
	u64 since = clock->since;
	clock->since = 0;
	clock->total += now - since;
	stopper(p, tgid, tid, 0, now);

	struct stop_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->header.kind = RECORD_STOP;
	r->header.tgid = tgid;
	r->header.tid = tid;
	r->header.start = since;
	r->header.end = now;
	r->reason = clock->reason;
	r->stopped = clock->stopped;
	if (p->gc_cycles)
		READ_USER(r->gc_cycle, p->gc_cycles);
	if (p->gc_phase)
		READ_USER(r->gc_phase, p->gc_phase);
	submit(r);
}

/* func startTheWorldWithSema(now int64, w worldStop) int64
 * where w is {reason, startedStopping, finishedStopping, stoppingCPUTime}. */
SPAN_PROBE(world_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	struct stop_clock *clock = bpf_map_lookup_elem(&stop_clocks, &tgid);
	if (!p || !clock || !clock->since)
		return 0;
	clock->stopped = p->flags & PROCESS_STOP_ARGUMENTS ? GO_ARG4(ctx) : 0;
	if (!(p->flags & PROCESS_WORLD_RUNS))
		world_runs_again(p, clock, tgid, id, now);
	return 0;
}

/* In startTheWorldWithSema, where it has started the Ps and notes how long they
 * stood still. */
SPAN_PROBE(world_runs)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	struct stop_clock *clock = bpf_map_lookup_elem(&stop_clocks, &tgid);
	if (p && clock && clock->since)
		world_runs_again(p, clock, tgid, id, now);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
