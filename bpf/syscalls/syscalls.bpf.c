/* SPDX-License-Identifier: Dual MIT/GPL */
/* System calls of the observed processes: their class for the ledger of the
 * goroutine that makes them, and slow opens and syncs of files. */
#include "file.h"
#include "innermost.h"
#include "records.h"
#include "syscall_class.h"

struct pending_file {
	u64 start;
	u64 name; /* address of the path that an open was given */
	u32 operation;
	s32 fd;
};

/* File operations under way, by thread ID. */
struct pending_file_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct pending_file);
} pending_files SEC(".maps");

SEC("raw_tp/sys_enter")
int syscall_enter(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tgid = id >> 32, tid = id;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	if (!p)
		return 0;

	struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
	s64 number = ctx->args[1];
	u64 now = bpf_ktime_get_ns();
	struct goroutine_key key;
	struct goroutine *s = running_on(tid, &key);
	if (s && s->executing == ON_CPU) {
		s->executing = syscall_cause(number, regs);
		change_cause(s, tgid, now, s->executing);
	}

	u32 operation = file_operation(number);
	if (!operation || p->file_min_duration == ~0ULL)
		return 0;
	struct pending_file pending = { .start = now, .operation = operation, .fd = -1 };
	if (operation == FILE_FSYNC)
		pending.fd = syscall_argument(regs, 0);
	else
		pending.name = syscall_argument(regs, open_path_argument(number));
	bpf_map_update_elem(&pending_files, &tid, &pending, BPF_ANY);
	return 0;
}

/* The innermost span on the goroutine is the one that waited for the file. */
static __always_inline void put_identity(struct record_header *header, struct process *p, struct goroutine *s)
{
	header->goid = s->id;
	struct span *innermost = innermost_span(p, s);
	if (!innermost)
		return;
	__builtin_memcpy(header->trace_id, innermost->trace_id, 16);
	__builtin_memcpy(header->span_id, innermost->span_id, 8);
}

static __always_inline void file_done(struct pending_file *pending, struct process *p, struct goroutine *s,
				      u64 id, s64 result, u64 now)
{
	struct file_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(&r->header, 0, sizeof(r->header));
	r->header.kind = RECORD_FILE;
	r->header.tgid = id >> 32;
	r->header.tid = id;
	r->header.start = pending->start;
	r->header.end = now;
	if (s)
		put_identity(&r->header, p, s);
	r->operation = pending->operation;
	r->error = result < 0 ? -result : 0;
	r->path_kind = PATH_GIVEN;
	r->path_len = 0;

	s32 fd = pending->operation == FILE_OPEN ? result : pending->fd;
	struct file *file = fd >= 0 ? file_by_descriptor(fd) : 0;
	if (file) {
		put_file_path(r, file);
	} else if (pending->name) {
		long n = bpf_probe_read_user_str(r->path, FILE_PATH_SIZE, (void *)pending->name);
		r->path_len = n > 0 ? n - 1 : 0;
	}
	submit(r);
}

SEC("raw_tp/sys_exit")
int syscall_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	u32 tgid = id >> 32, tid = id;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	if (!p)
		return 0;

	u64 now = bpf_ktime_get_ns();
	struct goroutine_key key;
	struct goroutine *s = running_on(tid, &key);
	if (s && is_syscall_cause(s->executing)) {
		s->executing = ON_CPU;
		change_cause(s, tgid, now, ON_CPU);
	}

	struct pending_file *pending = bpf_map_lookup_elem(&pending_files, &tid);
	if (!pending)
		return 0;
	struct pending_file done = *pending;
	bpf_map_delete_elem(&pending_files, &tid);
	if (now - done.start >= p->file_min_duration)
		file_done(&done, p, s, id, ctx->args[1], now);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
