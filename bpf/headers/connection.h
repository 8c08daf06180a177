/* SPDX-License-Identifier: Dual MIT/GPL */
/* TCP connections of observed processes: on whose behalf each was opened and
 * written, and what it carried. */
#pragma once

#include "behalf.h"
#include "socket.h"

struct connection {
	u64 started; /* when the connect began, 0 once it has ended */
	u32 tgid, tid;
	struct peer peer;
	u8 accepted; /* the peer opened it */
	u8 established;
	u8 opened; /* its first traffic was told */
	u8 pad;
	u32 changes; /* of the owner; odd while it changes */
	u32 owned_from; /* the sequence number from which on the bytes are the owner's */
	struct identity owner; /* who wrote last, at first who connected; zero outside of a span */
	u64 sent, received; /* told so far */
	u64 retransmits;
};

/* By the address of the struct sock. */
struct connection_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct connection);
} connections SEC(".maps");

static __always_inline int follows_network(struct process *p)
{
	return p->network_min_duration != NEVER || (p->flags & PROCESS_TRAFFIC);
}

static __always_inline void follow(struct sock *sk, struct connection *connection)
{
	u64 key = (u64)sk;
	if (bpf_map_update_elem(&connections, &key, connection, BPF_ANY))
		count(DROPPED_CONNECTIONS_FULL);
}

/* The bytes that a thread is about to write to the socket are those of the span
 * that its goroutine is in, or of none. A span that it inherits proves nothing: a
 * goroutine that serves a pooled connection writes for others too. Go writes to a
 * connection under a lock, so that they follow each other. */
static __always_inline void own(struct sock *sk, struct process *p, struct goroutine *s)
{
	u64 key = (u64)sk;
	struct connection *c = bpf_map_lookup_elem(&connections, &key);
	if (!c)
		return;
	struct identity writer = {};
	if (s && innermost_span(p, s))
		identify_for(&writer, p, s);
	__sync_fetch_and_add(&c->changes, 1);
	c->owner = writer;
	c->owned_from = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	__sync_fetch_and_add(&c->changes, 1);
}

/* The owner of a byte by its sequence number, or nobody where that cannot be
 * proven: it was written before, or the owner changes at this moment. */
static __always_inline void owner_of(struct connection *c, u32 seq, int connecting, struct identity *owner)
{
	u32 before = read_ordered(&c->changes);
	u32 from = c->owned_from;
	struct identity last = c->owner;
	barrier();
	if ((before & 1) || before != read_ordered(&c->changes))
		return;
	if (connecting || (before && (s32)(seq - from) >= 0))
		*owner = last;
}

static __always_inline void put_peer(struct network_record *r, struct peer *peer)
{
	r->family = peer->family;
	r->port = peer->port;
	__builtin_memcpy(r->address, peer->address, sizeof(r->address));
}

static __always_inline struct network_record *network_record(u32 operation, u32 tgid, u32 tid, u64 start,
							     u64 end)
{
	struct network_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->header.kind = RECORD_NETWORK;
	r->header.tgid = tgid;
	r->header.tid = tid;
	r->header.start = start;
	r->header.end = end;
	r->operation = operation;
	return r;
}
