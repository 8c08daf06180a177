/* SPDX-License-Identifier: Dual MIT/GPL */
/* TCP connections of the observed processes: attempts, retransmissions, and
 * what each connection carried. Sockets of other processes are not in the map of
 * connections, which is looked at first. */
#include "connection.h"
#include "pending.h"
#include "syscall_class.h"
#include "thread_goroutine.h"

/* connect(2) is about to send its first segment: the thread is its caller's. */
static __always_inline void connect_starts(struct sock *sk)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	u32 tgid = id >> 32, tid = id;
	struct process *p = bpf_map_lookup_elem(&processes, &tgid);
	if (!p || !follows_network(p) || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	struct connection c = { .started = now, .tgid = tgid, .tid = tid };
	read_peer(&c.peer, sk);
	struct goroutine_key key;
	struct goroutine *s = running_on(tid, &key);
	if (!s)
		s = goroutine_of_thread(p, tgid, &key);
	if (s)
		identify_for(&c.owner, p, s);
	follow(sk, &c);
}

/* The errno of a failed attempt, or 0 where connect(2) itself will return it. */
static __always_inline s32 attempt_error(struct sock *sk, struct connection *c)
{
	s32 error = BPF_CORE_READ(sk, sk_err);
	struct pending_syscall *pending = bpf_map_lookup_elem(&pending_syscalls, &c->tid);
	int calling = pending && pending->operation == OPERATION_CONNECT && pending->socket == (u64)sk;
	if (!error && calling)
		return 0;
	if (calling)
		pending->told = 1;
	if (error)
		return error;
	u8 closed = BPF_CORE_READ(sk, sk_shutdown) & SHUTDOWN_MASK;
	return closed == SHUTDOWN_MASK ? NETWORK_GIVEN_UP : NETWORK_ERROR_UNKNOWN;
}

static __always_inline void connect_ends(struct sock *sk, struct connection *c, int failed)
{
	u64 started = c->started, now = bpf_ktime_get_ns();
	s32 error = failed ? attempt_error(sk, c) : 0;
	c->started = 0;
	c->established = !failed;
	struct process *p = bpf_map_lookup_elem(&processes, &c->tgid);
	if (!p || p->network_min_duration == NEVER || (failed && !error))
		return;
	if (!failed && now - started < p->network_min_duration)
		return;
	struct network_record *r = network_record(NETWORK_CONNECT, c->tgid, c->tid, started, now);
	if (!r)
		return;
	put_identity(&r->header, &c->owner);
	put_peer(r, &c->peer);
	r->error = error;
	submit(r);
}

/* Tells what the connection carried since it was told of last. */
static __always_inline void tell_traffic(struct tcp_sock *tcp, struct connection *c)
{
	struct process *p = bpf_map_lookup_elem(&processes, &c->tgid);
	if (!p || !(p->flags & PROCESS_TRAFFIC) || !c->established)
		return;
	u64 sent = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
	u64 received = BPF_CORE_READ(tcp, bytes_received);
	u64 retransmits = BPF_CORE_READ(tcp, total_retrans);
	if (c->opened && sent == c->sent && received == c->received && retransmits == c->retransmits)
		return;
	u64 now = bpf_ktime_get_ns();
	struct network_record *r = network_record(NETWORK_TRAFFIC, c->tgid, c->tid, now, now);
	if (!r)
		return;
	put_peer(r, &c->peer);
	r->accepted = c->accepted;
	r->opened = !c->opened;
	c->opened = 1;
	/* The kernel counts a few in two steps: nothing is told as negative. */
	r->sent = sent > c->sent ? sent - c->sent : 0;
	r->received = received > c->received ? received - c->received : 0;
	r->retransmits = retransmits > c->retransmits ? retransmits - c->retransmits : 0;
	r->rtt = BPF_CORE_READ(tcp, srtt_us) >> 3;
	c->sent += r->sent;
	c->received += r->received;
	c->retransmits += r->retransmits;
	submit(r);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_state, struct sock *sk, int before, int after)
{
	if (after == TCP_SYN_SENT) {
		connect_starts(sk);
		return 0;
	}
	u64 key = (u64)sk;
	struct connection *c = bpf_map_lookup_elem(&connections, &key);
	if (!c)
		return 0;
	if (c->started && (after == TCP_ESTABLISHED || after == TCP_CLOSE))
		connect_ends(sk, c, after == TCP_CLOSE);
	if (after == TCP_CLOSE) {
		tell_traffic((struct tcp_sock *)sk, c);
		bpf_map_delete_elem(&connections, &key);
	}
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(segment_again, struct sock *sk, struct sk_buff *skb)
{
	u64 key = (u64)sk;
	struct connection *c = bpf_map_lookup_elem(&connections, &key);
	if (!c)
		return 0;
	struct process *p = bpf_map_lookup_elem(&processes, &c->tgid);
	if (!p || p->network_min_duration == NEVER)
		return 0;
	struct tcp_skb_cb *control = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct identity owner = {};
	owner_of(c, BPF_CORE_READ(control, seq), c->started != 0, &owner);
	u64 now = bpf_ktime_get_ns();
	struct network_record *r = network_record(NETWORK_RETRANSMIT, c->tgid, c->tid, now, now);
	if (!r)
		return 0;
	put_identity(&r->header, &owner);
	put_peer(r, &c->peer);
	r->accepted = c->accepted;
	submit(r);
	return 0;
}

/* Attached to nothing: user space runs it at the interval of the metrics, for
 * each connection by its key. A socket in the map has not been freed, since its
 * end takes it out; were it freed at this moment, its memory is read all the
 * same, as of what it was. */
SEC("raw_tp")
int tell_connection(struct bpf_raw_tracepoint_args *ctx)
{
	u64 key = ctx->args[0];
	struct connection *c = bpf_map_lookup_elem(&connections, &key);
	if (c)
		tell_traffic((struct tcp_sock *)key, c);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
