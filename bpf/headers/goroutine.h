/* SPDX-License-Identifier: Dual MIT/GPL */
/* Goroutines that are in a span, and the threads that run them. */
#pragma once

#include "counters.h"
#include "features.h"
#include "golang.h"
#include "process.h"

#define SPAN_DEPTH 8
#define METHOD_SIZE 16
#define PATH_SIZE 128

/* One goroutine of one process. The address of its runtime.g is unique while
 * it lives; the runtime reuses it, so an entry ends with its goroutine. */
struct goroutine_key {
	u64 g;
	u32 tgid;
	u32 pad;
};

enum inherited {
	INHERITED_NOT,
	INHERITED_OPEN, /* of a span that had not ended */
	INHERITED_ENDED, /* of one that had: the trace only */
};

enum span_kind {
	SPAN_REQUEST = 1, /* a request to an HTTP server */
	SPAN_SDK = 2, /* a span of the OpenTelemetry SDK */
	SPAN_RPC = 3, /* a gRPC server's call */
	SPAN_CLIENT = 4, /* a net/http client's request */
	SPAN_RPC_CLIENT = 5, /* a gRPC client's unary call */
	SPAN_SQL = 6, /* a query by database/sql */
};

static __always_inline int is_outgoing(u32 kind)
{
	return kind == SPAN_CLIENT || kind == SPAN_RPC_CLIENT || kind == SPAN_SQL;
}

/* Work that came to the process: the first on its goroutine's stack. */
static __always_inline int is_incoming(u32 kind)
{
	return kind == SPAN_REQUEST || kind == SPAN_RPC;
}

/* Other channels that a select may have for what it receives to be followed. */
#define BESIDE 2

/* The span in which a goroutine was started, by its own go statement or by that
 * of who started it, or the one whose work it took over a channel. */
struct inheritance {
	struct goroutine_key owner; /* whose span it is; g is 0 where nothing is inherited */
	u64 start; /* of the span: with the owner, what tells it from others */
	u64 channel; /* address of the hchan that the work came over; 0: it was started */
	u64 beside[BESIDE]; /* those of the select that received it, 0 where there are no more */
	u64 outlived; /* when the goroutine was first seen to have outlived it, ns, else 0 */
	u8 trace_id[16];
	u8 span_id[8];
	u32 silent; /* an SDK tells the requests below the span, or decided not to */
	u32 epoch; /* of work that was taken: the process's then */
};

/* Of a span: which goroutine that inherits it ended the longest wait of the span's
 * own. Its ledger is in critical_ledgers. */
struct critical {
	u64 goid; /* 0: none did */
	u64 wait; /* ns */
};

/* By the runtime's samples. */
struct allocated {
	u64 bytes; /* an estimate */
	u64 samples;
};

struct span {
	u64 start; /* ns, CLOCK_MONOTONIC */
	/* Address of the *http.response or, of HTTP/2, the *responseWriter, of the
	 * *recordingSpan or of the *ServerStream; of a client's request, where on the
	 * stack its caller's frame is. */
	u64 handle;
	u64 back; /* of a client's: the address that its call returns to */
	/* Of a client's: address of the *http.Request, of the *grpc.ClientConn or of
	 * the *driverConn of database/sql. */
	u64 request;
	u64 method, method_len; /* of a gRPC client's: the string; of a query: its text */
	u8 trace_id[16];
	u8 span_id[8];
	u8 parent_id[8];
	u32 kind;
	u32 epoch; /* the process's when it started: its ledger is exact if that is still the same */
	u16 sdk_inside; /* not of an SDK's: an SDK in the process tells it, or decided not to */
	u16 hijacked; /* of a request: its handler took the connection over */
	u16 major; /* of a request: HTTP's version */
	u16 inherited; /* of a client's: enum inherited of its parent */
	u32 children; /* goroutines that were started within it */
	u32 handed; /* values that goroutines took as its work */
	struct critical critical;
	u64 spent_before[CAUSE_SLOTS]; /* likewise */
	u64 looks_before;
	struct allocated allocated_before;
	u64 block_wait_before, assists_before;
};

/* A stream of a gRPC client that the goroutine is creating. */
struct creation {
	u64 stream; /* address of the clientStream, 0 where there is none */
	u64 frame; /* where on the stack it was begun */
	u64 sdk_inside; /* an SDK was asked for a span meanwhile */
};

struct goroutine {
	u64 since; /* when the current cause began, ns */
	u64 stopped_before; /* the process's stop clock then */
	u64 woken_at; /* since when its thread is ready and waits for a CPU, ns, else 0 */
	u64 id;
	u32 cause; /* what time counts for now */
	u32 executing; /* the cause while its thread is on a CPU */
	u32 tid; /* the thread that runs it, 0 while none does */
	u32 depth; /* spans in use */
	u32 epoch; /* the process's when its ledger was last known to be right */
	u32 place; /* in in_span, counted from 1; 0 where it found none */
	u32 stops_world; /* it stops the world now */
	u32 assists; /* how often it marked for the collector: a ledger that is exact sees each */
	u32 thread; /* that runs it, as far as it was looked at; 0 where none does */
	u32 pad;
	u64 seen; /* when it was looked at last, ns */
	u64 looks; /* how often it was */
	u64 entered; /* when this entry was made, ns: tells it from others of the goroutine */
	struct creation creation;
	u64 spent[CAUSE_SLOTS];
	struct allocated allocated;
	u64 block_wait; /* ns for which its thread waited for block devices */
	struct inheritance from;
	struct span spans[SPAN_DEPTH];
	u32 method_len, path_len;
	char method[METHOD_SIZE];
	char path[PATH_SIZE];
};

/* Those that are in a span, and those that inherit one: each kind has its half, so
 * that neither takes the other's places. */
#define MAX_CHILDREN 8192

struct goroutine_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192 + MAX_CHILDREN);
	__type(key, struct goroutine_key);
	__type(value, struct goroutine);
} goroutines SEC(".maps");

/* A goroutine that inherits a span. */
struct child {
	u64 id;
	u8 trace_id[16];
	u64 handed; /* it works for the span, and was not started within it */
};

struct child_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CHILDREN);
	__type(key, struct goroutine_key);
	__type(value, struct child);
} children SEC(".maps");

/* Which goroutine in a span, or started within one, a thread runs, by thread ID. */
struct thread_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, u32);
	__type(value, struct goroutine_key);
} threads SEC(".maps");

/* How long the world of a process has been stopped: a clock that runs while it
 * is, so that the part of any interval that fell into stops is a difference. */
struct stop_clock {
	u64 total; /* ns of stops that have ended */
	u64 since; /* when the current stop began, 0 when the world runs */
	u32 reason;
	u32 pad;
	u64 stopped; /* when all had stopped, by startTheWorldWithSema */
};

struct stop_clock_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32); /* tgid */
	__type(value, struct stop_clock);
} stop_clocks SEC(".maps");

static __always_inline u64 stopped_until(u32 tgid, u64 now)
{
	struct stop_clock *clock = bpf_map_lookup_elem(&stop_clocks, &tgid);
	if (!clock)
		return 0;
	u64 since = clock->since;
	return clock->total + (since && since < now ? now - since : 0);
}

/* Books the time since the last change on the current cause. Who could run but
 * for a stop of the world lost that part to the stop. */
static __always_inline void spend(struct goroutine *s, u32 tgid, u64 now)
{
	/* A probe may be preempted at any point: what the kernel's scheduler
	 * booked meanwhile is not booked again. The time belongs to who moves
	 * since from where it stood. */
	u64 since = s->since;
	if (now <= since)
		return;
	u64 elapsed = now - since;
	u64 stopped = stopped_until(tgid, now);
	u32 cause = s->cause & CAUSE_MASK;
	if (!exchange_if(&s->since, since, now))
		return;

	if (cause == RUNNABLE) {
		u64 lost = stopped > s->stopped_before ? stopped - s->stopped_before : 0;
		if (lost > elapsed)
			lost = elapsed;
		__sync_fetch_and_add(&s->spent[STOP_THE_WORLD], lost);
		elapsed -= lost;
	}
	__sync_fetch_and_add(&s->spent[cause], elapsed);
	s->stopped_before = stopped;
}

/* Causes of a goroutine whose thread executes for it. */
static __always_inline int executes(u32 cause)
{
	return cause == ON_CPU || is_syscall_cause(cause) || cause == GC_ASSIST;
}

/* Whatever it executes while it stops the world, it executes for that. */
static __always_inline void change_cause(struct goroutine *s, u32 tgid, u64 now, u32 cause)
{
	spend(s, tgid, now);
	s->cause = s->stops_world && executes(cause) ? STOP_THE_WORLD : cause;
}

static __always_inline void bind_thread(struct goroutine *s, struct goroutine_key *key, u32 tid)
{
	s->tid = bpf_map_update_elem(&threads, &tid, key, BPF_ANY) ? 0 : tid;
	if (!s->tid)
		count(DROPPED_THREADS_FULL);
}

static __always_inline int same_goroutine(struct goroutine_key *a, struct goroutine_key *b)
{
	return a->g == b->g && a->tgid == b->tgid;
}

/* The thread may run another goroutine by now: only its own binding ends. */
static __always_inline void release_thread(struct goroutine *s, struct goroutine_key *key)
{
	if (!s->tid)
		return;
	struct goroutine_key *bound = bpf_map_lookup_elem(&threads, &s->tid);
	if (bound && same_goroutine(bound, key))
		bpf_map_delete_elem(&threads, &s->tid);
	s->tid = 0;
}

/* The goroutine in a span that the thread runs, and its key; 0 where there is none. */
static __always_inline struct goroutine *running_on(u32 tid, struct goroutine_key *key)
{
	struct goroutine_key *bound = bpf_map_lookup_elem(&threads, &tid);
	if (!bound)
		return 0;
	*key = *bound;
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	return s && s->tid == tid ? s : 0;
}
