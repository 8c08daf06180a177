/* SPDX-License-Identifier: Dual MIT/GPL */
/* Requests of the observed processes to block devices, by the thread that makes
 * them: what the kernel's own threads write back later is of no process. */
#include "disk.h"
#include "features.h"

/* How many of those that the kernel merged into one are looked at: with pages of
 * 4 KiB, 1 MiB. */
#define MERGED 256

/* include/linux/blk_types.h */
#define REQ_OP_MASK 0xff
enum bio_operation {
	REQ_OP_READ = 0,
	REQ_OP_WRITE = 1,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct gendisk {
	char disk_name[DEVICE_SIZE];
};

struct block_device {
	struct gendisk *bd_disk;
};

struct bvec_iter {
	u32 bi_size;
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	u32 bi_opf;
	struct bvec_iter bi_iter;
};

/* Before Linux 5.12. */
struct bio___before_5_12 {
	struct gendisk *bi_disk;
};

struct request {
	struct bio *bio;
};

#pragma clang attribute pop

struct disk_request {
	u64 start;
	u64 bytes;
	u32 tgid;
	u32 kind; /* enum disk_sum_kind */
};

/* Those under way, by the address of their struct bio. The kernel traces the end of
 * each whose beginning it traced: by itself, or of a driver that takes requests by
 * that of the request that it became a part of (BIO_TRACE_COMPLETION). */
struct disk_request_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct disk_request);
} disk_requests SEC(".maps");

static __always_inline struct gendisk *disk_of(struct bio *bio)
{
	struct bio___before_5_12 *old = (void *)bio;
	if (bpf_core_field_exists(old->bi_disk))
		return BPF_CORE_READ(old, bi_disk);
	return BPF_CORE_READ(bio, bi_bdev, bd_disk);
}

static __always_inline int is_counted(u32 tgid, u32 operation)
{
	struct process *p = observed_process(tgid);
	return p && p->flags & PROCESS_DISKS && (operation == REQ_OP_READ || operation == REQ_OP_WRITE);
}

/* The memory may have been that of one whose end was not seen: the end of this one
 * is not its. */
static __always_inline int request_begins(struct bio *bio)
{
	u64 key = (u64)bio;
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	u32 operation = BPF_CORE_READ(bio, bi_opf) & REQ_OP_MASK;
	if (!is_counted(tgid, operation)) {
		if (bpf_map_lookup_elem(&disk_requests, &key))
			bpf_map_delete_elem(&disk_requests, &key);
		return 0;
	}
	struct disk_request request = {
		.start = bpf_ktime_get_ns(),
		.bytes = BPF_CORE_READ(bio, bi_iter.bi_size),
		.tgid = tgid,
		.kind = operation == REQ_OP_READ ? DISK_READ : DISK_WRITE,
	};
	if (bpf_map_update_elem(&disk_requests, &key, &request, BPF_ANY))
		count(DROPPED_DISK_REQUESTS_FULL);
	return 0;
}

SEC("raw_tp/block_bio_queue")
int request_queued(struct bpf_raw_tracepoint_args *ctx)
{
	return request_begins((struct bio *)ctx->args[0]);
}

/* Before Linux 5.11 the request queue comes first. */
SEC("raw_tp/block_bio_queue")
int request_queued_second(struct bpf_raw_tracepoint_args *ctx)
{
	return request_begins((struct bio *)ctx->args[1]);
}

static __always_inline void request_ends(struct bio *bio, u64 now)
{
	u64 address = (u64)bio;
	struct disk_request *request = bpf_map_lookup_elem(&disk_requests, &address);
	if (!request)
		return;
	struct disk_request done = *request;
	bpf_map_delete_elem(&disk_requests, &address);
	/* Of a process that has gone meanwhile nobody asks. */
	if (!bpf_map_lookup_elem(&processes, &done.tgid))
		return;
	struct disk_key key = { .tgid = done.tgid, .kind = done.kind };
	struct gendisk *disk = disk_of(bio);
	bpf_probe_read_kernel_str(key.device, DEVICE_SIZE,
				  (void *)disk + bpf_core_field_offset(struct gendisk, disk_name));
	add_to_disk(&key, done.bytes, now - done.start);
}

SEC("raw_tp/block_bio_complete")
int request_completed(struct bpf_raw_tracepoint_args *ctx)
{
	request_ends((struct bio *)ctx->args[1], bpf_ktime_get_ns());
	return 0;
}

/* struct request *rq, the error, unsigned int nr_bytes: of those that were merged into
 * one, as many have ended as these bytes are. */
SEC("raw_tp/block_rq_complete")
int requests_completed(struct bpf_raw_tracepoint_args *ctx)
{
	struct bio *bio = BPF_CORE_READ((struct request *)ctx->args[0], bio);
	u64 left = (u32)ctx->args[2], now = bpf_ktime_get_ns();
	for (int i = 0; i < MERGED && bio; i++) {
		u32 size = BPF_CORE_READ(bio, bi_iter.bi_size);
		if (size > left)
			break;
		left -= size;
		request_ends(bio, now);
		bio = BPF_CORE_READ(bio, bi_next);
	}
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
