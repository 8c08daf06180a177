/* SPDX-License-Identifier: Dual MIT/GPL */
/* Waits of the observed processes' threads for block devices, as the kernel's
 * scheduler sees them: a thread that sleeps in io_schedule (kernel/sched/core.c) is
 * marked in_iowait. Only the waiter is: what kernel threads write back later is
 * nobody's here. */
#pragma once

#include "behalf.h"
#include "disk.h"
#include "thread_goroutine.h"

struct block_wait {
	u64 start;
	u64 over; /* when it was woken, 0 where that was not seen */
	struct goroutine_key key; /* of the goroutine, g is 0 where it is in no span */
	struct identity owner;
};

/* By thread ID. Who sleeps so is marked until it runs again, and takes its entry
 * out then, whatever woke it. */
struct block_wait_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct block_wait);
} block_waits SEC(".maps");

static __always_inline int waits_for_io(struct task_struct *task)
{
	return BPF_CORE_READ_BITFIELD(task, in_iowait);
}

/* The thread is still the current one, and its process's memory in place. */
static __always_inline void block_wait_begins(struct process *p, struct task_struct *task, u64 now)
{
	u32 tid = task->pid, tgid = task->tgid;
	if (!(p->flags & PROCESS_DISKS))
		return;
	struct block_wait wait = { .start = now };
	struct goroutine *s = p->flags & PROCESS_LEDGER ? running_on(tid, &wait.key) : 0;
	if (!s)
		s = goroutine_of_thread(p, tgid, &wait.key);
	if (s)
		identify_for(&wait.owner, p, s);
	else
		wait.key.g = 0;
	if (bpf_map_update_elem(&block_waits, &tid, &wait, BPF_ANY))
		count(DROPPED_BLOCK_WAITS_FULL);
}

static __always_inline void block_wait_is_over(struct task_struct *task)
{
	u32 tid = task->pid;
	struct block_wait *wait = bpf_map_lookup_elem(&block_waits, &tid);
	if (wait)
		wait->over = bpf_ktime_get_ns();
}

static __always_inline void tell_block_wait(struct block_wait *wait, u32 tgid, u32 tid, u64 end)
{
	struct block_wait_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->header.kind = RECORD_BLOCK_WAIT;
	r->header.tgid = tgid;
	r->header.tid = tid;
	r->header.start = wait->start;
	r->header.end = end;
	put_identity(&r->header, &wait->owner);
	submit(r);
}

static __always_inline void block_wait_ends(struct task_struct *task, u64 now)
{
	u32 tid = task->pid, tgid = task->tgid;
	struct block_wait *pending = bpf_map_lookup_elem(&block_waits, &tid);
	if (!pending)
		return;
	struct block_wait wait = *pending;
	bpf_map_delete_elem(&block_waits, &tid);
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	u64 end = wait.over > wait.start ? wait.over : now;
	if (!p || end < wait.start)
		return;
	u64 took = end - wait.start;
	struct goroutine *s = wait.key.g ? bpf_map_lookup_elem(&goroutines, &wait.key) : 0;
	if (s)
		__sync_fetch_and_add(&s->block_wait, took);
	struct disk_key sum = { .tgid = tgid, .kind = DISK_WAIT };
	add_to_disk(&sum, 0, took);
	if (took >= p->block_min_duration)
		tell_block_wait(&wait, tgid, tid, end);
}
