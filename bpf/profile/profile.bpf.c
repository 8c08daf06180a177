/* SPDX-License-Identifier: Dual MIT/GPL */
/* Samples of what the observed processes do on a CPU: a timer of each CPU's
 * clock interrupts whatever runs there. */
#include "behalf.h"
#include "records.h"
#include "thread_goroutine.h"

/* The timer's interrupt disables others: nothing on this CPU shares it. */
struct sample_scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sample_record);
} sample_scratch SEC(".maps");

/* The thread itself knows best; where that is not proven, the scheduler's probes. */
static __always_inline void put_whose(struct record_header *header, struct process *p)
{
	struct goroutine_key key;
	struct goroutine *s = 0;
	if (p->tls_g)
		s = goroutine_of_thread(p, header->tgid, &key);
	else if (p->flags & PROCESS_LEDGER)
		s = running_on(header->tid, &key);
	if (s)
		put_identity_of(header, p, s);
	else
		header->goid = goroutine_id_of_thread(p);
}

/* The registers of user space: those at the system call, if the thread is in one. */
static __always_inline u64 top_of_stack(void)
{
#if defined(__TARGET_ARCH_x86)
	if (!kernel_has_registers)
		return 0;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return read_word(regs->sp);
#else
	return 0; /* a function without a frame has it in a register */
#endif
}

static __always_inline void put_stack(struct sample_record *r, void *ctx)
{
	s64 size = bpf_get_stack(ctx, r->stack, sizeof(r->stack), BPF_F_USER_STACK);
	r->top = top_of_stack();
	r->frames = size > 0 ? size / sizeof(r->stack[0]) : 0;
	if (!r->frames)
		count(STACK_UNREADABLE);
	else if (r->frames >= SAMPLE_FRAMES)
		count(STACK_DEEP);
}

SEC("perf_event")
int cpu_sample(void *ctx)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32, zero = 0;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	struct sample_record *r = bpf_map_lookup_elem(&sample_scratch, &zero);
	if (!p || !r)
		return 0;
	__builtin_memset(&r->header, 0, sizeof(r->header));
	r->header.kind = RECORD_SAMPLE;
	r->header.tgid = tgid;
	r->header.tid = id;
	r->header.start = r->header.end = now;
	put_whose(&r->header, p);
	put_stack(r, ctx);

	u32 frames = r->frames;
	barrier_var(frames);
	if (frames > SAMPLE_FRAMES)
		return 0;
	u32 size = __builtin_offsetof(struct sample_record, stack) + frames * sizeof(r->stack[0]);
	if (bpf_ringbuf_output(&records, r, size, wake_up()))
		count(PROFILE_BUFFER_FULL);
	else
		count(RECORDS);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
