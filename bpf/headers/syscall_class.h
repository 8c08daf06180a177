/* SPDX-License-Identifier: Dual MIT/GPL */
/* Which cause of the ledger a system call is. */
#pragma once

#include "file.h"
#include "ledger.h"
#include "records.h"

#if defined(__TARGET_ARCH_x86)
#include "syscalls_amd64.h"
#elif defined(__TARGET_ARCH_arm64)
#include "syscalls_arm64.h"
#endif

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define S_IFBLK 0060000

static __always_inline u64 syscall_argument(struct pt_regs *regs, u32 index)
{
	u64 value = 0;
#if defined(__TARGET_ARCH_x86)
	const u64 *at = index == 0 ? &regs->di : index == 1 ? &regs->si : &regs->dx;
#elif defined(__TARGET_ARCH_arm64)
	const u64 *at = &regs->regs[index];
#endif
	bpf_probe_read_kernel(&value, sizeof(value), at);
	return value;
}

/* What kind of file it is, 0 where there is none. */
static __always_inline u16 file_kind(struct file *file)
{
	return file ? BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT : 0;
}

static __always_inline u32 descriptor_cause(u32 fd)
{
	u16 mode = file_kind(file_by_descriptor(fd));
	if (mode == S_IFSOCK)
		return SYSCALL_NETWORK;
	if (mode == S_IFREG || mode == S_IFDIR || mode == S_IFBLK)
		return SYSCALL_FILE;
	return SYSCALL_OTHER;
}

/* The descriptor decides for calls that any kind of file takes. */
static __always_inline u32 syscall_cause(s64 number, struct pt_regs *regs)
{
	switch (number) {
		SYSCALLS_ON_DESCRIPTORS
		return descriptor_cause(syscall_argument(regs, 0));
		SYSCALLS_ON_FILES
		return SYSCALL_FILE;
		SYSCALLS_ON_SOCKETS
		return SYSCALL_NETWORK;
	default:
		return SYSCALL_OTHER;
	}
}

/* What a call does that is told of when it has ended, or 0. */
enum syscall_operation {
	OPERATION_OPEN = FILE_OPEN,
	OPERATION_FSYNC = FILE_FSYNC,
	OPERATION_READ = FILE_READ,
	OPERATION_WRITE = FILE_WRITE, /* to a socket: a send */
	OPERATION_SEND,
	OPERATION_CONNECT,
	OPERATION_ACCEPT,
};

static __always_inline u32 operation_of(s64 number)
{
	switch (number) {
		SYSCALLS_THAT_OPEN
		return OPERATION_OPEN;
		SYSCALLS_THAT_SYNC
		return OPERATION_FSYNC;
		SYSCALLS_THAT_READ
		return OPERATION_READ;
		SYSCALLS_THAT_WRITE
		return OPERATION_WRITE;
		SYSCALLS_THAT_SEND
		return OPERATION_SEND;
		SYSCALLS_THAT_CONNECT
		return OPERATION_CONNECT;
		SYSCALLS_THAT_ACCEPT
		return OPERATION_ACCEPT;
	default:
		return 0;
	}
}
