/* SPDX-License-Identifier: Dual MIT/GPL */
/* What the observed processes read from and wrote to block devices, and for how
 * long their threads waited for these: sums that user space reads. */
#pragma once

#include "counters.h"
#include "process.h"

#define DEVICE_SIZE 32 /* DISK_NAME_LEN of include/linux/blkdev.h */

enum disk_sum_kind {
	DISK_READ,
	DISK_WRITE,
	DISK_WAIT, /* of threads, for whatever device */
};

struct disk_key {
	u32 tgid;
	u32 kind; /* enum disk_sum_kind */
	char device[DEVICE_SIZE]; /* its name, all zero of waits */
};

struct disk_sum {
	u64 count;
	u64 bytes;
	u64 time; /* ns */
};

struct disk_sum_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct disk_key);
	__type(value, struct disk_sum);
} disk_sums SEC(".maps");

static __always_inline void add_to_disk(struct disk_key *key, u64 bytes, u64 time)
{
	struct disk_sum *sum = bpf_map_lookup_elem(&disk_sums, key);
	if (!sum) {
		struct disk_sum none = {};
		bpf_map_update_elem(&disk_sums, key, &none, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&disk_sums, key);
	}
	if (!sum) {
		count(DROPPED_DISKS_FULL);
		return;
	}
	__sync_fetch_and_add(&sum->count, 1);
	if (bytes) /* the compiler makes an atomic OR of adding 0: not before Linux 5.12 */
		__sync_fetch_and_add(&sum->bytes, bytes);
	__sync_fetch_and_add(&sum->time, time);
}
