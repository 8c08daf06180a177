/* SPDX-License-Identifier: Dual MIT/GPL */
/* What user space proved about a process: probes read nothing else by. */
#pragma once

#include "kernel.h"
#include "ledger.h"

#define WAIT_REASONS 64
#define NETWORK_RANGES 8
#define COLLECTOR_RANGES 4
#define SYSTEM_STARTS 8

/* In wait_causes: the goroutine is said to wait, but it executes on the
 * system stack (src/runtime/runtime2.go: isWaitingForSuspendG). */
#define WAIT_EXECUTES 0x80

/* In wait_causes: what it executes is an assist of the collector. */
#define WAIT_ASSISTS 0x40

/* The least duration of what is not told. */
#define NEVER (~0ULL)

/* An offset that was not proven for the binary. */
#define UNKNOWN_OFFSET 0xffff

enum process_flags {
	PROCESS_LEDGER = 1, /* the scheduler's probes are attached: ledgers are exact */
	PROCESS_TRACEPARENT = 2, /* http.Header is a Swiss map: Go 1.24 and later */
	PROCESS_STOP_ARGUMENTS =
	    4, /* startTheWorldWithSema is told when all had stopped: Go 1.23 and later */
	PROCESS_TRAFFIC = 8, /* what its connections carry is told */
	PROCESS_HTTP2 = 16, /* requests over HTTP/2 are seen where their streams are handled */
	PROCESS_LOOKS = 64, /* goroutines in a span are looked at, while ledgers are not exact */
	PROCESS_WORLD_RUNS = 32, /* it is seen when all Ps were started again: Go 1.22 and later */
	PROCESS_HTTP = 4096, /* requests of net/http are observed */
	PROCESS_GRPC = 8192, /* calls of gRPC are */
	PROCESS_SQL = 16384, /* queries by database/sql are */
	PROCESS_SDK_SPANS = 1024, /* the spans of its SDK are told whole */
	PROCESS_DISKS = 131072, /* what it does to block devices is counted */
	PROCESS_SIGNALS = 262144, /* signals that are delivered to it are */
};

struct code_range {
	u64 begin, end;
};

/* Of google.golang.org/grpc, genproto and golang.org/x/net/http2. */
struct rpc_offsets {
	u16 stream, stream_behind; /* the Stream in a ServerStream; 1: it is a pointer to one */
	u16 method, id; /* in Stream */
	u16 status, code; /* from the grpc status to the message, and in that */
	u16 frame_headers, frame_fields; /* in MetaHeadersFrame */
	u16 frame_stream; /* in HeadersFrame: the stream's ID */
	u16 target; /* in ClientConn */
	u16 error_status; /* in the error that is a status */
	u16 client, header, desc, attempt; /* in clientStream */
	u16 header_method; /* in its CallHdr */
	u64 error_itab; /* of that error as an error, 0 where unknown */
	u64 eof; /* address of io.EOF */
	u64 unary_desc; /* address of the pointer to what describes unary calls; 0: no streams */
};

/* Of net/http and net/url. */
struct http_offsets {
	u16 proto_minor; /* in Request */
	u16 url_scheme, url_host; /* in URL */
	u16 answer_status, answer_major, answer_minor; /* in Response */
	u16 span_kind; /* in the SDK's recordingSpan */
	u16 stack_hi; /* in runtime.g: where its stack begins */
};

/* Of an HTTP/2 server. */
struct http2_offsets {
	u16 state; /* in responseWriter: a pointer to the responseWriterState */
	u16 status; /* in that */
	u16 request, request_behind; /* and the request in that; 1: it is a pointer to one */
	u16 method, url, header; /* in the request */
	u16 pattern; /* likewise, UNKNOWN_OFFSET where it has none */
};

/* HTTP/2 servers that one process can have. */
enum http2_server {
	HTTP2_STANDARD, /* net/http's own */
	HTTP2_MODULE, /* golang.org/x/net/http2 */
	HTTP2_SERVERS,
};

#define SQL_DRIVERS 24

/* Of crypto/tls. */
struct tls_offsets {
	u16 in, error, version, server_name; /* in Conn */
};

/* Of database/sql. */
struct sql_offsets {
	u16 connection; /* the driver's Conn in driverConn */
	u16 query; /* in Stmt */
	u16 pad[2];
	/* Addresses of the methods Close of drivers' connections, in the order of
	 * the package sqldriver of the receiver, 0 where it is not linked. */
	u64 closes[SQL_DRIVERS];
};

/* Of a goroutine that waits on a channel. */
struct channel_offsets {
	u16 waiting, param; /* in runtime.g */
	u16 channel, success, next; /* in runtime.sudog: next of the cases of a select */
	u16 capacity, element_size, closed; /* in runtime.hchan */
	u8 receive, send, select; /* wait reasons; receive 0: hand-overs are not followed */
	u8 pad[5];
	struct code_range chanrecv, sends; /* of the runtime's functions chanrecv and send */
};

struct process {
	u32 flags;
	u32 sample_rate; /* of 1000 requests */
	u32 epoch; /* changes whenever PROCESS_LEDGER does */
	u32 slot; /* where hits of its probes are counted */
	s32 tls_g; /* where a thread's g is, from the base of its TLS; 0 where that is not proven */
	u64 file_min_duration; /* ns; NEVER: no file events */
	u64 network_min_duration; /* ns; NEVER: no network events, failures included */
	u64 lookup_min_duration; /* ns; NEVER: no look-ups of names, failures included */
	u64 handshake_min_duration; /* ns; NEVER: no handshakes, failures included */
	u64 constants, constants_end; /* what the process cannot write to */
	u64 run_queue_min_duration; /* ns; NEVER: no run-queue events */
	u64 block_min_duration; /* ns; NEVER: no waits for block devices */
	u64 gc_cycles; /* address of runtime.work.cycles, 0 where unknown */
	u64 memory_profile_rate; /* address of runtime.MemProfileRate, 0: allocations are not told */
	u64 gc_phase; /* address of runtime.gcphase, 0 where unknown */
	/* Offsets in bytes. */
	u16 g_goid, g_waitreason, g_sched_bp;
	u16 request_method, request_url, request_header, request_proto_major, request_pattern;
	u16 url_path;
	u16 response_status, response_request;
	u16 span_context, span_parent, span_end_time;
	u16 context_trace_id, context_span_id, context_flags;
	u16 g_m, m_curg, g_startpc, g_status;
	u16 pad[2];
	/* Addresses of functions that the runtime starts goroutines of its own with,
	 * whoever runs: 0 where there are no more. */
	u64 system_starts[SYSTEM_STARTS];
	/* Code of clients that wait in a select for their reader goroutine to
	 * hand over what the network brought. */
	struct code_range network[NETWORK_RANGES];
	/* Code of the garbage collector that waits for its own semaphores. */
	struct code_range collector[COLLECTOR_RANGES];
	u8 wait_causes[WAIT_REASONS]; /* enum cause by the runtime's wait reason, WAIT_* */
	struct rpc_offsets rpc;
	struct http_offsets http;
	struct http2_offsets http2[HTTP2_SERVERS];
	struct sql_offsets sql;
	struct tls_offsets tls;
	struct channel_offsets channels;
};

struct process_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32); /* tgid */
	__type(value, struct process);
} processes SEC(".maps");

/* Bits of the IDs of observed processes: user space sets the bit before it describes
 * a process, and clears it afterwards. Whoever shares it is looked up in vain. */
#define OBSERVED_BITS 65536

struct observed_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OBSERVED_BITS / 64);
	__type(key, u32);
	__type(value, u64);
} observed SEC(".maps");

/* What the tracepoints of the whole host ask first: of most processes nothing is
 * wanted, and this costs them a few ns. */
static __always_inline int may_be_observed(u32 tgid)
{
	u32 word = tgid % OBSERVED_BITS / 64;
	u64 *bits = bpf_map_lookup_elem(&observed, &word);
	return bits && *bits >> tgid % 64 & 1;
}

static __always_inline struct process *observed_process(u32 tgid)
{
	return may_be_observed(tgid) ? bpf_map_lookup_elem(&processes, &tgid) : 0;
}
