/* SPDX-License-Identifier: Dual MIT/GPL */
/* System calls of the observed processes: their class for the ledger of the
 * goroutine that makes them, slow operations on files, and on whose behalf
 * connections are accepted, written or refused at once. */
#include "connection.h"
#include "file.h"
#include "look.h"
#include "pending.h"
#include "records.h"
#include "syscall_class.h"
#include "thread_goroutine.h"

/* The goroutine in a span for which the thread writes, where no probe on the scheduler
 * tells. */
static __always_inline struct goroutine *writer(struct process *p)
{
	struct goroutine_key key;
	if (p->flags & PROCESS_LEDGER || !has_spans(p))
		return 0;
	return goroutine_of_thread(p, bpf_get_current_pid_tgid() >> 32, &key);
}

/* A read or write of a regular file may be told; a write to a socket makes the
 * goroutine the owner of what it sends. */
static __always_inline int descriptor_operation(struct pending_syscall *pending, struct process *p,
						struct goroutine *s, s64 number, struct pt_regs *regs)
{
	u32 operation = pending->operation;
	int files = p->file_min_duration != NEVER && operation != OPERATION_SEND;
	int sockets = p->network_min_duration != NEVER && operation != OPERATION_READ;
	if (!files && !sockets)
		return 0;
	pending->fd = syscall_argument(regs, descriptor_argument(number));
	struct file *file = file_by_descriptor(pending->fd);
	u16 kind = file_kind(file);
	if (kind == S_IFSOCK && sockets) {
		struct sock *sk = socket_of(file);
		if (sk)
			own(sk, p, s ? s : writer(p));
	}
	return kind == S_IFREG && files;
}

static __always_inline int connect_operation(struct pending_syscall *pending, struct process *p,
					     struct pt_regs *regs)
{
	if (p->network_min_duration == NEVER)
		return 0;
	pending->name = syscall_argument(regs, 1);
	struct file *file = file_by_descriptor(syscall_argument(regs, 0));
	if (file_kind(file) == S_IFSOCK)
		pending->socket = (u64)tcp_socket(file);
	return pending->socket != 0;
}

/* Does what a call needs at its start. Is it to be looked at when it ends? */
static __always_inline int begins(struct pending_syscall *pending, struct process *p, struct goroutine *s,
				  s64 number, struct pt_regs *regs)
{
	switch (pending->operation) {
	case OPERATION_OPEN:
		pending->name = syscall_argument(regs, open_path_argument(number));
		return p->file_min_duration != NEVER;
	case OPERATION_FSYNC:
		pending->fd = syscall_argument(regs, 0);
		return p->file_min_duration != NEVER;
	case OPERATION_READ:
	case OPERATION_WRITE:
	case OPERATION_SEND:
		return descriptor_operation(pending, p, s, number, regs);
	case OPERATION_CONNECT:
		return connect_operation(pending, p, regs);
	case OPERATION_ACCEPT:
		return follows_network(p);
	default:
		return 0;
	}
}

/* Without the scheduler's probes, the thread itself tells which goroutine it
 * runs. */
static __always_inline struct goroutine *note_syscall(struct process *p, u32 tgid, u32 tid, u64 now,
						      s64 number, struct pt_regs *regs)
{
	if (!p->tls_g || !is_time_to_look(p, now))
		return 0;
	struct goroutine *s = watch_thread(p, tgid, tid, now);
	if (s && s->depth) {
		s->executing = syscall_cause(number, regs);
		change_cause(s, tgid, now, s->executing);
	}
	return s;
}

static __always_inline void note_return(struct process *p, u32 tgid, u32 tid, u64 now)
{
	if (!is_time_to_look(p, now))
		return;
	look_after_sleep(p, tgid, now);
	struct followed_thread *t = followed(tid, tgid);
	struct goroutine_key key;
	struct goroutine *s = followed_on(tid, &key);
	if (!t)
		return;
	t->at = now;
	t->fresh = !t->key.g;
	if (s && is_syscall_cause(s->executing)) {
		s->executing = ON_CPU;
		change_cause(s, tgid, now, ON_CPU);
		s->seen = now;
	}
}

static __always_inline void enters(struct process *p, u64 id, s64 number, struct pt_regs *regs, u64 now)
{
	u32 tgid = id >> 32, tid = id;
	struct goroutine_key key;
	struct goroutine *s = p->flags & PROCESS_LEDGER ? running_on(tid, &key) : 0;
	if (s && s->executing == ON_CPU) {
		s->executing = syscall_cause(number, regs);
		change_cause(s, tgid, now, s->executing);
	}
	if (!(p->flags & PROCESS_LEDGER))
		s = note_syscall(p, tgid, tid, now, number, regs);

	struct pending_syscall pending = { .start = now, .operation = operation_of(number), .fd = -1 };
	if (pending.operation && begins(&pending, p, s, number, regs))
		bpf_map_update_elem(&pending_syscalls, &tid, &pending, BPF_ANY);
}

SEC("raw_tp/sys_enter")
int syscall_enter(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	struct process *p = observed_process(id >> 32);
	if (!p)
		return 0;
	u64 now = bpf_ktime_get_ns();
	enters(p, id, ctx->args[1], (struct pt_regs *)ctx->args[0], now);
	charge(p, now);
	return 0;
}

static __always_inline void file_done(struct pending_syscall *pending, struct process *p, struct goroutine *s,
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
		put_identity_of(&r->header, p, s);
	r->operation = pending->operation;
	r->error = result < 0 ? -result : 0;
	r->path_kind = PATH_GIVEN;
	r->path_len = 0;
	int moves = pending->operation == OPERATION_READ || pending->operation == OPERATION_WRITE;
	r->bytes = moves && result > 0 ? result : 0;

	s32 fd = pending->operation == OPERATION_OPEN ? result : pending->fd;
	struct file *file = fd >= 0 ? file_by_descriptor(fd) : 0;
	if (file) {
		put_file_path(r, file);
	} else if (pending->name) {
		long n = bpf_probe_read_user_str(r->path, FILE_PATH_SIZE, (void *)pending->name);
		r->path_len = n > 0 ? n - 1 : 0;
	}
	submit(r);
}

/* The attempt goes on, was interrupted, or there is nothing to attempt. */
static __always_inline int attempt_stands(s64 result)
{
	return result >= 0 || result == -EINPROGRESS || result == -EALREADY || result == -EISCONN ||
	       result == -EINTR || result <= -ERESTARTSYS;
}

/* A connect that failed before or beside its socket's states, as for want of a
 * route. */
static __always_inline void connect_done(struct pending_syscall *pending, struct process *p,
					 struct goroutine *s, u64 id, s64 result, u64 now)
{
	if (pending->told || attempt_stands(result))
		return;
	struct network_record *r = network_record(NETWORK_CONNECT, id >> 32, id, pending->start, now);
	if (!r)
		return;
	if (s)
		put_identity_of(&r->header, p, s);
	struct peer peer = {};
	read_sockaddr(&peer, pending->name);
	put_peer(r, &peer);
	r->error = -result;
	submit(r);
}

static __always_inline void accept_done(u64 id, s64 result)
{
	struct file *file = result >= 0 ? file_by_descriptor(result) : 0;
	struct sock *sk = file ? tcp_socket(file) : 0;
	if (!sk)
		return;
	struct connection c = { .tgid = id >> 32, .tid = id, .accepted = 1, .established = 1 };
	read_peer(&c.peer, sk);
	follow(sk, &c);
	/* Of one that was reset before it was accepted nothing tells the end. */
	u64 key = (u64)sk;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_CLOSE)
		bpf_map_delete_elem(&connections, &key);
}

static __always_inline void done(struct pending_syscall *pending, struct process *p, struct goroutine *s,
				 u64 id, s64 result, u64 now)
{
	struct goroutine_key key;
	if (pending->operation == OPERATION_ACCEPT) {
		accept_done(id, result);
		return;
	}
	if (pending->operation != OPERATION_CONNECT && now - pending->start < p->file_min_duration)
		return;
	if (!s)
		s = goroutine_of_thread(p, id >> 32, &key);
	if (pending->operation == OPERATION_CONNECT)
		connect_done(pending, p, s, id, result, now);
	else
		file_done(pending, p, s, id, result, now);
}

static __always_inline void exits(struct process *p, u64 id, s64 result, u64 now)
{
	u32 tgid = id >> 32, tid = id;
	struct goroutine_key key;
	struct goroutine *s = p->flags & PROCESS_LEDGER ? running_on(tid, &key) : 0;
	if (s && is_syscall_cause(s->executing)) {
		s->executing = ON_CPU;
		change_cause(s, tgid, now, ON_CPU);
	}
	note_return(p, tgid, tid, now);

	struct pending_syscall *pending = bpf_map_lookup_elem(&pending_syscalls, &tid);
	if (!pending)
		return;
	struct pending_syscall ended = *pending;
	bpf_map_delete_elem(&pending_syscalls, &tid);
	done(&ended, p, s, id, result, now);
}

SEC("raw_tp/sys_exit")
int syscall_exit(struct bpf_raw_tracepoint_args *ctx)
{
	u64 id = bpf_get_current_pid_tgid();
	struct process *p = observed_process(id >> 32);
	if (!p)
		return 0;
	u64 now = bpf_ktime_get_ns();
	exits(p, id, ctx->args[1], now);
	charge(p, now);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
