/* SPDX-License-Identifier: Dual MIT/GPL */
/* The ledger's clockwork: every change of state of a goroutine that is in a
 * span, from the Go scheduler's one choke point, and the kernel scheduler's
 * view of the thread that runs it. */
#include "behalf.h"
#include "block_wait.h"
#include "critical.h"
#include "exit.h"
#include "handover.h"
#include "hits.h"
#include "look.h"

#define TASK_RUNNING 0

static __always_inline void goroutine_waits(struct goroutine *s, struct process *p, struct goroutine_key *key,
					    u64 now)
{
	u32 cause = wait_cause(p, key->g);
	if (cause & WAIT_EXECUTES) {
		s->executing = cause & CAUSE_MASK;
		change_cause(s, key->tgid, now, s->executing);
		s->assists += (cause & WAIT_ASSISTS) != 0;
		return;
	}
	change_cause(s, key->tgid, now, cause);
	release_thread(s, key);
}

static __always_inline int waits_executing(struct goroutine_key *key)
{
	struct process *p = bpf_map_lookup_elem(&processes, &key->tgid);
	return p && reason_cause(p, key->g) & WAIT_EXECUTES;
}

/* A thread that starts another goroutine has left the one it ran before, by
 * whatever path. So has one on which another stops: a coroutine (iter.Pull),
 * which was switched to without casgstatus and whose caller waits with it. The
 * end of a coroutine switches back to the caller on the same thread. */
static __always_inline void leave_thread(struct goroutine_key *other, u32 status, u32 tid, u64 now)
{
	struct goroutine_key *bound = bpf_map_lookup_elem(&threads, &tid);
	if (!bound || same_goroutine(bound, other))
		return;
	if (status == GO_DEAD || status == GO_DEAD_EXTRA || (status == GO_WAITING && waits_executing(other)))
		return;
	struct goroutine_key key = *bound;
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (s && s->tid == tid) {
		change_cause(s, key.tgid, now, RUNNABLE);
		s->tid = 0;
	}
	bpf_map_delete_elem(&threads, &tid);
}

/* func casgstatus(gp *g, oldval, newval uint32) */
SCHEDULER_PROBE(goroutine_status)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tid = id, before = GO_ARG2(ctx), status = GO_ARG3(ctx);
	struct goroutine_key key = { .g = GO_ARG1(ctx), .tgid = id >> 32 };

	if (status == GO_RUNNING || before == GO_RUNNING)
		leave_thread(&key, status, tid, now);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (status == GO_RUNNABLE && before == GO_WAITING) {
		if (s && s->depth)
			made_ready(s, &key, tid, now);
		s = hand_over(ctx, s, &key, tid, now);
	}
	if (!s)
		return 0;
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p)
		return 0;

	switch (status) {
	case GO_RUNNING:
		s->executing = ON_CPU;
		change_cause(s, key.tgid, now, ON_CPU);
		bind_thread(s, &key, tid);
		break;
	case GO_RUNNABLE:
		s->stops_world = 0; /* nobody does that and waits: its end was not seen */
		change_cause(s, key.tgid, now, RUNNABLE);
		release_thread(s, &key);
		break;
	case GO_WAITING:
		goroutine_waits(s, p, &key, now);
		if (stays(s, now))
			forget_goroutine(&key);
		else if (is_handed(s) && (!is_watched(p, s) || wants_next(p, s, key.g)))
			stop_work(s, &key);
		break;
	case GO_DEAD: /* goroutine_ends was there before, where it is attached */
	case GO_DEAD_EXTRA:
		goroutine_exits(s, p, &key, tid, now);
		break;
	}
	return 0;
}

/* func preemptPark(gp *g), without casgstatus: its stack is to be scanned. It
 * could run but for that, as when it waits for a P. */
SCHEDULER_PROBE(goroutine_preempted)
{
	u64 now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_ARG1(ctx), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	if (!s)
		return 0;
	change_cause(s, key.tgid, now, RUNNABLE);
	release_thread(s, &key);
	return 0;
}

/* The goroutine in a span, or one that inherits it, that a thread of the process runs. */
static __always_inline struct goroutine *goroutine_on(struct process *p, u32 tid, struct goroutine_key *key)
{
	if (p->flags & PROCESS_LEDGER)
		return running_on(tid, key);
	return has_spans(p) ? followed_on(tid, key) : 0;
}

/* A system call keeps its class while the thread sleeps in it. A thread that
 * sleeps outside of one (a page fault) is explained by no cause. */
static __always_inline void thread_off(struct process *p, u32 tid, int ready, u64 now)
{
	struct goroutine_key key;
	struct goroutine *s = goroutine_on(p, tid, &key);
	if (!s)
		return;
	s->woken_at = ready ? now : 0;
	if (ready)
		change_cause(s, key.tgid, now, OS_RUNQUEUE);
	else if (s->executing == ON_CPU)
		change_cause(s, key.tgid, now, UNATTRIBUTED);
}

static __always_inline void tell_run_queue(struct process *p, struct goroutine *s, u32 tgid, u32 tid,
					   u64 ready, u64 now)
{
	if (!(p->flags & PROCESS_LEDGER) || now < ready || now - ready < p->run_queue_min_duration)
		return;
	struct identity waits = {};
	identify_unread(&waits, p, s);
	if (!s->depth && waits.inherited != INHERITED_OPEN) /* it has outlived its span: nothing waits */
		return;
	struct run_queue_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->header.kind = RECORD_RUN_QUEUE;
	r->header.tgid = tgid;
	r->header.tid = tid;
	r->header.start = ready;
	r->header.end = now;
	put_identity(&r->header, &waits);
	r->cpu = bpf_get_smp_processor_id();
	submit(r);
}

static __always_inline void thread_on(struct process *p, u32 tid, u64 now)
{
	struct goroutine_key key;
	struct goroutine *s = goroutine_on(p, tid, &key);
	if (!s)
		return;
	u64 ready = s->woken_at;
	if (ready > s->since)
		change_cause(s, key.tgid, ready, OS_RUNQUEUE);
	s->woken_at = 0;
	if (ready)
		tell_run_queue(p, s, key.tgid, tid, ready, now);
	change_cause(s, key.tgid, now, s->executing);
}

static __always_inline int is_running(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;
	if (bpf_core_field_exists(old->state))
		return old->state == TASK_RUNNING;
	return task->__state == TASK_RUNNING;
}

/* The thread that leaves the CPU, while its process's memory can be read still.
 * What the others do now they do, if no thread is left on a CPU, until one is. Of a
 * goroutine in a span that the thread ran it is worth to know what became of it,
 * however young the span is: it may wait for long. */
static __always_inline void look_before_sleep(struct process *p, u32 tgid, u32 tid, int ready, u64 now)
{
	if (!is_looked_at(p) || !has_spans(p))
		return;
	int looks = is_time_to_look(p, now);
	struct followed_thread *t = looks || ready ? 0 : followed(tid, tgid);
	if (p->tls_g && (looks || (t && t->key.g)))
		watch_thread(p, tgid, tid, now);
	if (looks && !ready)
		look_at_all(p, tgid, now, now);
}

static __always_inline void note_wake(struct process *p, u32 tgid, u32 tid, u64 now)
{
	struct followed_thread *t = is_time_to_look(p, now) ? followed(tid, tgid) : 0;
	if (!t)
		return;
	t->at = now;
	t->fresh = !t->key.g;
	wakes(t->slot, now);
}

static __always_inline void leaves_cpu(struct process *p, struct task_struct *task, bool preempt, u64 now)
{
	int ready = preempt || is_running(task);
	look_before_sleep(p, task->tgid, task->pid, ready, now);
	thread_off(p, task->pid, ready, now);
	if (!ready && waits_for_io(task))
		block_wait_begins(p, task, now);
	charge(p, now);
}

static __always_inline void comes_to_cpu(struct process *p, struct task_struct *task, u64 now)
{
	u64 began = bpf_ktime_get_ns();
	thread_on(p, task->pid, now);
	note_wake(p, task->tgid, task->pid, now);
	charge(p, began);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(thread_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	int observed = may_be_observed(prev->tgid) | may_be_observed(next->tgid);
	if (!observed && !waits_for_io(next))
		return 0;
	u64 now = bpf_ktime_get_ns();
	struct process *p = observed_process(prev->tgid);
	if (p)
		leaves_cpu(p, prev, preempt, now);
	p = observed_process(next->tgid);
	if (p)
		comes_to_cpu(p, next, now);
	if (waits_for_io(next))
		block_wait_ends(next, now);
	return 0;
}

/* Only marks the time: the sleeping thread books it when it runs again, so that
 * no two CPUs change one ledger. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(thread_wakeup, struct task_struct *task)
{
	struct process *p = observed_process(task->tgid);
	struct goroutine_key key;
	struct goroutine *s = p ? goroutine_on(p, task->pid, &key) : 0;
	if (s && s->cause != OS_RUNQUEUE)
		s->woken_at = bpf_ktime_get_ns();
	if (waits_for_io(task))
		block_wait_is_over(task);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
