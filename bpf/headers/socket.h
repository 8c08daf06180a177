/* SPDX-License-Identifier: Dual MIT/GPL */
/* From a file descriptor to its TCP socket, and what the kernel knows of it. */
#pragma once

#include "file.h"

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6

/* include/net/tcp_states.h: numbers that are part of the ABI. */
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_CLOSE = 7,
};

/* include/net/sock.h: both directions, as close(2) sets them. */
#define SHUTDOWN_MASK 3

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u16 skc_family;
	u16 skc_dport; /* big-endian */
	u32 skc_daddr;
	struct in6_addr skc_v6_daddr;
	u8 skc_state;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	s32 sk_err;
	u8 sk_shutdown;
};

/* Begins with its struct sock. */
struct tcp_sock {
	u64 bytes_sent;
	u64 bytes_retrans;
	u64 bytes_received;
	u32 total_retrans;
	u32 srtt_us; /* eighths of a microsecond */
	u32 write_seq;
};

struct socket {
	struct sock *sk;
};

struct sk_buff {
	char cb[48];
};

struct tcp_skb_cb {
	u32 seq;
};

#pragma clang attribute pop

struct peer {
	u16 family;
	u16 port;
	u8 address[16];
};

static __always_inline u16 host_order(u16 big_endian)
{
	return __builtin_bswap16(big_endian);
}

/* The TCP socket of a file that is a socket, else 0. */
static __always_inline struct sock *socket_of(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return socket ? BPF_CORE_READ(socket, sk) : 0;
}

static __always_inline struct sock *tcp_socket(struct file *file)
{
	struct sock *sk = socket_of(file);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	return family == AF_INET || family == AF_INET6 ? sk : 0;
}

static __always_inline void read_peer(struct peer *peer, const struct sock *sk)
{
	peer->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	peer->port = host_order(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (peer->family == AF_INET6) {
		BPF_CORE_READ_INTO(&peer->address, sk, __sk_common.skc_v6_daddr);
		return;
	}
	u32 address = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	__builtin_memcpy(peer->address, &address, sizeof(address));
}

/* Reads a struct sockaddr_in or sockaddr_in6 that a program gave. */
static __always_inline void read_sockaddr(struct peer *peer, u64 addr)
{
	u16 port = 0;
	bpf_probe_read_user(&peer->family, sizeof(peer->family), (void *)addr);
	bpf_probe_read_user(&port, sizeof(port), (void *)(addr + 2));
	peer->port = host_order(port);
	if (peer->family == AF_INET)
		bpf_probe_read_user(peer->address, 4, (void *)(addr + 4));
	else if (peer->family == AF_INET6)
		bpf_probe_read_user(peer->address, 16, (void *)(addr + 8));
}
