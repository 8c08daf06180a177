/* SPDX-License-Identifier: Dual MIT/GPL */
/* The kernel's types, as few as the programs need. Structures are relocated by
 * CO-RE against the running kernel's BTF, so only names matter here: a full
 * vmlinux.h would add three megabytes and one kernel's view. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

#if defined(__TARGET_ARCH_x86)
/* arch/x86/include/asm/ptrace.h: the same layout since 2.6, part of the ABI. */
struct pt_regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	u64 orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
/* arch/arm64/include/uapi/asm/ptrace.h: struct user_pt_regs. */
struct pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
};
#else
#error "the programs know amd64 and arm64"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct inode {
	u16 i_mode;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long fsbase;
};
#endif

struct task_struct {
	u32 __state;
	s32 pid;
	s32 tgid;
	struct files_struct *files;
	unsigned int in_iowait : 1;
#if defined(__TARGET_ARCH_x86)
	struct thread_struct thread;
#endif
};

/* Before Linux 5.14. */
struct task_struct___before_5_14 {
	long state;
};

#pragma clang attribute pop

/* libbpf's helpers want the types above. */
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
