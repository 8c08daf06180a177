/* SPDX-License-Identifier: Dual MIT/GPL */
/* What was not delivered, counted by reason: receiver/ebpfreceiver/internal/probe/counter.go. */
#pragma once

#include "kernel.h"

enum counter {
	DROPPED_BUFFER_FULL, /* the ring buffer had no room for a record */
	DROPPED_GOROUTINES_FULL, /* the map of goroutines in a span was full: a span unseen */
	DROPPED_THREADS_FULL, /* the map of threads was full: a ledger without system calls */
	DROPPED_SPANS_NESTED, /* more than SPAN_DEPTH spans open on a goroutine: the oldest was given up */
	UNFINISHED_SPANS, /* an SDK's span whose goroutine ended before the span */
	ENDED_ELSEWHERE, /* an SDK's span that ended on another goroutine, or twice */
	SAMPLED_OUT, /* a request that sample_rate or its caller's trace flags left out */
	UNSUPPORTED_HTTP2, /* a request that came over HTTP/2 to a server of unknown layout */
	OUTSIDE_OF_SPAN, /* a client's request of a goroutine that is in no span */
	DROPPED_CONNECTIONS_FULL, /* the map of connections was full: one that is not followed */
	DROPPED_STREAMS_FULL, /* the map of streams was full: a gRPC client's that is not told */
	DROPPED_SAMPLES_FULL, /* a span without an exact ledger whose goroutine had no place in in_span */
	DROPPED_CHILDREN_FULL, /* the map of goroutines that were started within a span was full */
	DROPPED_CRITICALS_FULL, /* the map of their ledgers was full: a goroutine that a span waited for */
	PROFILE_BUFFER_FULL, /* the ring buffer had no room for a sample of a CPU */
	STACK_UNREADABLE, /* a sample of a CPU without a stack */
	STACK_DEEP, /* one whose stack may have more frames than were read */
	DROPPED_QUERY_TEXTS_FULL, /* the map of texts was full: a query that is told without its text */
	DROPPED_SETUPS_FULL, /* the map of look-ups and handshakes was full: one unseen */
	DROPPED_SCRATCH_BUSY, /* too many spans of SDKs were copied at once: one that is not told */
	DROPPED_SPAN_UNREADABLE, /* a span of an SDK whose memory could not be read */
	DROPPED_BLOCK_WAITS_FULL, /* the map of waits was full: one for a block device, untold */
	DROPPED_DISK_REQUESTS_FULL, /* the map of requests was full: one to a block device, uncounted */
	DROPPED_DISKS_FULL, /* the map of sums was full: a request to a block device, or a wait, uncounted */
	DROPPED_SIGNALS_FULL, /* the map of signals was full: one uncounted */
	LOOKS, /* at goroutines in a span */
	LOOKS_UNREADABLE, /* at one whose state could not be read, or which ended */
	RECORDS, /* records delivered */
	COUNTERS,
};

struct counter_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

static __always_inline void count_many(enum counter which, u64 n)
{
	u32 key = which;
	u64 *value = bpf_map_lookup_elem(&counters, &key);
	if (value)
		__sync_fetch_and_add(value, n);
}

static __always_inline void count(enum counter which)
{
	count_many(which, 1);
}
