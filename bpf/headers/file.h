/* SPDX-License-Identifier: Dual MIT/GPL */
/* From a file descriptor of the current task to its file and path. */
#pragma once

#include "kernel.h"
#include "records.h"

#define PATH_DEPTH 24

/* Where the current process has its files, 0 where it has not so many. */
static __always_inline struct file **files_beyond(u32 fd)
{
	if (kernel_has_registers) { /* by the kernel's types, which costs a tenth of copies */
		struct files_struct *files = ((struct task_struct *)bpf_get_current_task_btf())->files;
		struct fdtable *table = files ? files->fdt : 0;
		return table && fd < table->max_fds ? table->fd : 0;
	}
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	return table && fd < BPF_CORE_READ(table, max_fds) ? BPF_CORE_READ(table, fd) : 0;
}

static __always_inline struct file *file_by_descriptor(u32 fd)
{
	struct file **files = files_beyond(fd), *file = 0;
	if (!files)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

/* Writes the names from the file up to the root of its mount namespace, each
 * ended by a zero byte. User space turns them round. A path deeper than
 * PATH_DEPTH or longer than the buffer loses its beginning. */
static __always_inline void put_file_path(struct file_record *r, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfsmount = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	u32 used = 0;
	r->path_kind = PATH_CUT;

	for (int i = 0; i < PATH_DEPTH; i++) {
		/* Older verifiers forget a bound that the compiler moved. */
		barrier_var(used);
		if (used >= FILE_PATH_SIZE)
			break;
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root) || dentry == parent) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount) {
				r->path_kind = PATH_WHOLE;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
		long n = bpf_probe_read_kernel_str(&r->path[used], FILE_NAME_SIZE, name);
		if (n <= 0)
			break;
		used += n;
		dentry = parent;
	}
	r->path_len = used;
}
