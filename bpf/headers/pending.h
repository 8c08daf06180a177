/* SPDX-License-Identifier: Dual MIT/GPL */
/* System calls under way that are told of, or looked at, when they end. */
#pragma once

#include "kernel.h"

/* include/uapi/asm-generic/errno.h, and ERESTARTSYS, the first of the kernel's
 * own (include/linux/errno.h). */
enum errno_of_connect {
	EINTR = 4,
	EISCONN = 106,
	EALREADY = 114,
	EINPROGRESS = 115,
	ERESTARTSYS = 512,
};

struct pending_syscall {
	u64 start;
	u64 name; /* address of the path that an open was given, or of a connect's sockaddr */
	u64 socket; /* the struct sock that is being connected */
	u32 operation; /* enum syscall_operation */
	s32 fd;
	u32 told; /* the failure of a connect was seen at its socket */
	u32 pad;
};

/* By thread ID. */
struct pending_syscall_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct pending_syscall);
} pending_syscalls SEC(".maps");
