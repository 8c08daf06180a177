/* SPDX-License-Identifier: Dual MIT/GPL */
/* Records on their way to user space: receiver/ebpfreceiver/internal/record. */
#pragma once

#include "counters.h"
#include "critical_ledger.h"
#include "goroutine.h"
#include "in_span.h"

#define FILE_PATH_SIZE 512
#define FILE_NAME_SIZE 256 /* NAME_MAX and its zero byte */

enum record_kind {
	RECORD_REQUEST = 1,
	RECORD_SPAN = 2,
	RECORD_STOP = 3,
	RECORD_FILE = 4,
	RECORD_RPC = 5,
	RECORD_CLIENT = 6,
	RECORD_RPC_CLIENT = 7,
	RECORD_NETWORK = 8,
	RECORD_RUN_QUEUE = 9,
	RECORD_SAMPLE = 16,
	RECORD_SQL = 10,
	RECORD_SETUP = 11,
	RECORD_BLOCK_WAIT = 12,
	RECORD_SDK_SPAN = 20,
};

#define AGENT_SIZE 64
#define NO_VERSION 0xffffffff
#define NO_STATUS 0xffffffff

enum client_flags {
	CLIENT_FAILED = 1, /* an error instead of an answer */
	CLIENT_NO_LEDGER = 2, /* as where it did not end on the goroutine that it began on */
};

enum rpc_flags {
	RPC_ABORTED = 2, /* its goroutine ended without a status */
};

enum request_flags {
	REQUEST_ABORTED = 2, /* its goroutine ended without finishing it: a panic */
	REQUEST_HIJACKED = 4, /* its handler took the connection over */
};

struct record_header {
	u32 kind;
	u32 tgid;
	u32 tid;
	u32 inherited; /* enum inherited: the identity, or the parent of a client's span */
	u64 goid;
	u64 start; /* ns, CLOCK_MONOTONIC */
	u64 end;
	u8 trace_id[16];
	u8 span_id[8];
	u8 parent_id[8];
};

enum ledger_kind {
	LEDGER_NONE, /* spent says nothing */
	LEDGER_EXACT, /* the scheduler's probes were there all the time */
	LEDGER_SAMPLED, /* the goroutine was looked at, some of the time at least */
};

/* RECORD_SPAN; RECORD_REQUEST begins with it. */
struct span_record {
	struct record_header header;
	u64 spent[CAUSE_SLOTS];
	u32 ledger; /* enum ledger_kind */
	u32 flags;
	u32 children; /* goroutines that were started within the span */
	u32 handed; /* values that goroutines took as the span's work */
	u32 looks; /* of a sampled ledger: how often the goroutine was looked at meanwhile */
	u32 pad;
	struct critical critical; /* zero where it is not exact */
	struct allocated allocated; /* samples 0: none was taken, whatever was allocated */
	u64 block_wait; /* ns for which its goroutine's thread waited for block devices */
	u64 assists; /* how often its goroutine marked for the collector; 0 where it is not exact */
	u64 critical_spent[CAUSE_SLOTS]; /* the critical goroutine's */
};

struct request_record {
	struct span_record span;
	u32 status, method_len, path_len, route_len;
	char method[METHOD_SIZE];
	char path[PATH_SIZE];
	char route[PATH_SIZE];
	u32 minor; /* of HTTP/1.x, NO_VERSION where unknown */
	u32 agent_len, accept_len; /* of a request for SCRAPE_PATH, else 0 */
	u32 major; /* of HTTP's version */
	char agent[AGENT_SIZE];
	char accept[AGENT_SIZE];
};

struct rpc_record {
	struct span_record span;
	u32 status; /* google.golang.org/grpc/codes, NO_STATUS where unknown */
	u32 method_len;
	char method[PATH_SIZE]; /* /package.Service/Method */
};

struct rpc_client_record {
	struct span_record span;
	u32 status; /* NO_STATUS where unknown */
	u32 method_len, target_len, pad;
	char method[PATH_SIZE];
	char target[PATH_SIZE]; /* as the program dialled it */
};

struct client_record {
	struct span_record span;
	u32 status, method_len, host_len, path_len;
	u32 scheme_len, major, minor, pad; /* of the answer's HTTP version */
	char method[METHOD_SIZE];
	char scheme[METHOD_SIZE];
	char host[PATH_SIZE];
	char path[PATH_SIZE];
};

#define SETUP_NAME_SIZE 256

enum setup_operation {
	SETUP_LOOKUP = 1,
	SETUP_HANDSHAKE = 2,
};

struct setup_record {
	struct record_header header;
	u32 operation;
	u32 failed;
	u32 server; /* of a handshake: it is the server's */
	u16 version; /* of TLS, 0 where there is none yet */
	u16 name_len;
	char name[SETUP_NAME_SIZE]; /* that was looked up, or of the server */
};

#define SQL_TEXT_SIZE 1024

/* Without flags where it succeeded, CLIENT_FAILED else. */
struct sql_record {
	struct span_record span;
	u32 driver; /* in the order of sql_offsets.closes, from 1; 0 where unknown */
	u32 text_len;
	u64 whole_len; /* of the text, of which text is the beginning */
	char text[SQL_TEXT_SIZE];
};

struct stop_record {
	struct record_header header;
	u64 stopped; /* when the last P had stopped, 0 where unknown */
	u32 reason;
	u32 gc_cycle; /* the process's count of GC cycles, 0 where unknown */
	u32 gc_phase; /* runtime.gcphase as the world starts: 0 is off, or unknown */
	u32 pad;
};

enum path_kind {
	PATH_GIVEN, /* as the program gave it */
	PATH_WHOLE, /* names from the file up to the root, each ended by 0 */
	PATH_CUT, /* likewise, but the beginning did not fit */
};

enum file_operation {
	FILE_OPEN = 1,
	FILE_FSYNC = 2,
	FILE_READ = 3,
	FILE_WRITE = 4,
};

struct file_record {
	struct record_header header;
	u32 operation;
	s32 error; /* errno, 0 on success */
	u32 path_kind; /* enum path_kind */
	u32 path_len;
	u64 bytes; /* that a read or write moved */
	char path[FILE_PATH_SIZE + FILE_NAME_SIZE];
};

enum network_operation {
	NETWORK_CONNECT = 1,
	NETWORK_RETRANSMIT = 2,
	NETWORK_TRAFFIC = 3, /* what a connection carried since it was told of last */
};

/* In network_record.error, beside errno. */
enum network_error {
	NETWORK_GIVEN_UP = -1, /* the program closed the socket before it was connected */
	NETWORK_ERROR_UNKNOWN = -2, /* it failed, and the program took the errno first */
};

struct network_record {
	struct record_header header;
	u32 operation;
	s32 error; /* errno, enum network_error, 0 on success */
	u16 family; /* AF_INET, AF_INET6 */
	u16 port; /* of the peer */
	u8 accepted; /* the peer opened the connection */
	u8 opened; /* the first record of its traffic */
	u8 pad[2];
	u8 address[16]; /* of the peer; of IPv4 the first four */
	u64 sent, received; /* bytes of payload, each once */
	u32 retransmits; /* segments */
	u32 rtt; /* smoothed round-trip time, us; 0 where unknown */
};

struct run_queue_record {
	struct record_header header;
	u32 cpu; /* on which it ran then */
	u32 pad;
};

/* A thread's wait for a block device. */
struct block_wait_record {
	struct record_header header;
};

/* What the kernel's own limit on frames is (kernel.perf_event_max_stack). */
#define SAMPLE_FRAMES 127

/* Of RECORD_SAMPLE only those frames are delivered that there are. */
struct sample_record {
	struct record_header header;
	u32 frames, pad;
	u64 top; /* the word on top of the stack: where a function without a frame returns to */
	u64 stack[SAMPLE_FRAMES]; /* the instruction that was interrupted, then return addresses */
};

/* Followed by size bytes of image: bpf/headers/image.h. */
struct sdk_span_record {
	struct span_record span;
	u64 tracer; /* address of the *tracer that made the span */
	u32 size;
	u32 pad;
};

union record {
	struct span_record span;
	struct request_record request;
	struct stop_record stop;
	struct file_record file;
	struct rpc_record rpc;
	struct client_record client;
	struct rpc_client_record rpc_client;
	struct network_record network;
	struct run_queue_record run_queue;
	struct block_wait_record block_wait;
	struct sample_record sample;
	struct sql_record sql;
	struct setup_record setup;
	struct sdk_span_record sdk_span;
};

struct record_buffer {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
	__type(value, union record); /* for BTF only: user space checks its layout by it */
} records SEC(".maps");

/* What the reader of the records does. */
enum reader_state {
	READER_READS, /* until nothing is left */
	READER_WAITS, /* it looks again soon, or when it is woken since much waits */
	READER_RESTS, /* nothing has come for a while: the first record wakes it */
};

struct reader_state_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32); /* enum reader_state */
} reader_state SEC(".maps");

#define WAKE_UP_BYTES (256 << 10)

/* A wake-up costs more than a record and sends an interrupt, so the reader is woken
 * once each time that it waits. With it a record is submitted that was reserved
 * before: then either it sees here that the reader rests, or the reader sees the
 * record before it does. Where a CPU swaps the two, the reader's rest is bounded. */
static __always_inline u64 wake_up(void)
{
	u32 zero = 0, *reader = bpf_map_lookup_elem(&reader_state, &zero);
	if (!reader || *reader == READER_READS)
		return BPF_RB_NO_WAKEUP;
	if (*reader == READER_WAITS && bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < WAKE_UP_BYTES)
		return BPF_RB_NO_WAKEUP;
	*reader = READER_READS;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void submit(void *record)
{
	u64 flags = wake_up();
	count(RECORDS);
	bpf_ringbuf_submit(record, flags);
}

/* Of what began in an epoch on the goroutine and ends now. */
static __always_inline u32 ledger_kind(struct process *p, struct goroutine *s, u32 epoch)
{
	if (p->flags & PROCESS_LEDGER && epoch == p->epoch)
		return LEDGER_EXACT;
	return p->flags & PROCESS_LOOKS && s->place ? LEDGER_SAMPLED : LEDGER_NONE;
}

/* The goroutine that the span waited for, and what that did. */
static __always_inline void put_critical(struct span_record *r, struct goroutine *s, struct span *span)
{
	struct critical_key at = critical_key(s, r->header.tgid, span);
	struct critical_ledger *did = bpf_map_lookup_elem(&critical_ledgers, &at);
	if (!did) {
		count(DROPPED_CRITICALS_FULL);
		return;
	}
	r->critical = span->critical;
	__builtin_memcpy(r->critical_spent, did->spent, sizeof(r->critical_spent));
	bpf_map_delete_elem(&critical_ledgers, &at);
}

/* What all ends of spans tell, after book(). */
static __always_inline void put_span(struct span_record *r, struct process *p, struct goroutine *s,
				     struct span *span)
{
	r->header.goid = s->id;
	r->header.inherited = span->inherited;
	r->header.start = span->start;
	r->header.end = s->since; /* to where the ledger was booked */
	__builtin_memcpy(r->header.trace_id, span->trace_id, 16);
	__builtin_memcpy(r->header.span_id, span->span_id, 8);
	__builtin_memcpy(r->header.parent_id, span->parent_id, 8);
	for (int i = 0; i < CAUSES; i++)
		r->spent[i] = s->spent[i] - span->spent_before[i];
	r->spent[CAUSES] = 0;
	r->allocated.bytes = s->allocated.bytes - span->allocated_before.bytes;
	r->allocated.samples = s->allocated.samples - span->allocated_before.samples;
	r->ledger = ledger_kind(p, s, span->epoch);
	r->looks = s->looks - span->looks_before;
	r->children = span->children;
	r->handed = span->handed;
	r->pad = 0;
	r->assists = r->ledger == LEDGER_EXACT ? s->assists - span->assists_before : 0;
	r->block_wait = s->block_wait - span->block_wait_before;
	__builtin_memset(&r->critical, 0, sizeof(r->critical));
	__builtin_memset(r->critical_spent, 0, sizeof(r->critical_spent));
	if (r->ledger == LEDGER_EXACT && span->critical.goid)
		put_critical(r, s, span);
	if (r->ledger != LEDGER_EXACT && !s->place)
		count(DROPPED_SAMPLES_FULL);
}
