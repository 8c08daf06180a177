/* SPDX-License-Identifier: Dual MIT/GPL */
/* Queries by database/sql, inside of a span. All ways that a program may take go
 * through one of queryDC, execDC and connStmt once for each attempt, and end in
 * initContextClose, which is only called on success, or in giving the connection
 * back by the function that they were given for that. */
#include "client.h"
#include "hits.h"

/* src/internal/abi/iface.go: the second method of the itab of a driver.Conn, whose
 * methods are Begin, Close and Prepare. */
#define ITAB_CLOSE 32

struct query_text {
	u32 len;
	u32 pad;
	char text[SQL_TEXT_SIZE];
};

/* The texts of queries under way, by goroutine, whose key's pad is the place of the
 * span. A program may not use a text any more while it is being executed, so that
 * it must be read before. */
struct query_text_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct goroutine_key);
	__type(value, struct query_text);
} query_texts SEC(".maps");

struct blank_query_text_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct query_text);
} blank_query_text SEC(".maps");

static __always_inline u32 read_text(char *dst, u64 text, u64 len)
{
	if (len > SQL_TEXT_SIZE - 1)
		len = SQL_TEXT_SIZE - 1;
	len &= SQL_TEXT_SIZE - 1;
	return len && !bpf_probe_read_user(dst, len, (const void *)text) ? len : 0;
}

static __always_inline void keep_text(struct goroutine_key *key, u64 text, u64 len)
{
	u32 zero = 0;
	struct query_text *kept = bpf_map_lookup_elem(&query_texts, key);
	if (!kept) {
		struct query_text *blank = bpf_map_lookup_elem(&blank_query_text, &zero);
		if (blank)
			bpf_map_update_elem(&query_texts, key, blank, BPF_ANY);
		kept = bpf_map_lookup_elem(&query_texts, key);
	}
	if (kept)
		kept->len = read_text(kept->text, text, len);
}

static __always_inline void starts(struct pt_regs *ctx, struct process *p, struct goroutine_key *key, u64 now,
				   u64 connection, u64 text, u64 len)
{
	struct span *span = open_client(ctx, p, key, SPAN_SQL, now);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, key);
	if (!span || !s)
		return;
	span->request = connection;
	span->method = text;
	span->method_len = len;
	key->pad = s->depth;
	keep_text(key, text, len);
}

/* func (db *DB) queryDC(ctx, txctx context.Context, dc *driverConn,
 *	releaseConn func(error), query string, args []any) (*Rows, error) */
SPAN_PROBE(sql_query_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (p && p->flags & PROCESS_SQL)
		starts(ctx, p, &key, now, GO_ARG6(ctx), GO_ARG8(ctx), GO_ARG9(ctx));
	return 0;
}

/* func (db *DB) execDC(ctx context.Context, dc *driverConn, release func(error),
 *	query string, args []any) (res Result, err error) */
SPAN_PROBE(sql_exec_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (p && p->flags & PROCESS_SQL)
		starts(ctx, p, &key, now, GO_ARG4(ctx), GO_ARG6(ctx), GO_ARG7(ctx));
	return 0;
}

/* func (s *Stmt) connStmt(ctx context.Context, strategy connReuseStrategy)
 *	(dc *driverConn, releaseConn func(error), ds *driverStmt, err error) */
SPAN_PROBE(sql_statement_starts)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	if (!p || !(p->flags & PROCESS_SQL))
		return 0;
	u64 query = GO_ARG1(ctx) + p->sql.query;
	starts(ctx, p, &key, now, 0, read_word(query), read_word(query + 8));
	return 0;
}

/* The query that is under way on the goroutine, SPAN_DEPTH where there is none. */
static __always_inline u32 under_way(struct goroutine *s)
{
	for (u32 i = 0; i < SPAN_DEPTH; i++) {
		u32 at = SPAN_DEPTH - 1 - i;
		if (at < s->depth && s->spans[at].kind == SPAN_SQL)
			return at;
	}
	return SPAN_DEPTH;
}

static __always_inline u32 driver_of(struct process *p, u64 connection)
{
	u64 itab = connection ? read_word(connection + p->sql.connection) : 0;
	u64 close = itab ? read_word(itab + ITAB_CLOSE) : 0;
	for (u32 i = 0; close && i < SQL_DRIVERS; i++) {
		if (p->sql.closes[i] == close)
			return i + 1;
	}
	return 0;
}

static __always_inline void put_text(struct sql_record *r, struct process *p, struct goroutine_key *key,
				     struct span *span)
{
	u64 text = span->method;
	r->whole_len = span->method_len;
	r->text_len = 0;
	struct query_text *kept = bpf_map_lookup_elem(&query_texts, key);
	if (!kept) {
		count(DROPPED_QUERY_TEXTS_FULL);
		return;
	}
	u32 len = kept->len & (SQL_TEXT_SIZE - 1);
	if (len && !bpf_probe_read_kernel(r->text, len, kept->text))
		r->text_len = len;
	/* A constant may not have been in memory until the driver looked at it. */
	else if (text >= p->constants && text < p->constants_end)
		r->text_len = read_text(r->text, text, span->method_len);
	bpf_map_delete_elem(&query_texts, key);
}

static __always_inline void tell_query(struct process *p, struct goroutine *s, struct goroutine_key *key,
				       struct span *span, u64 id, int failed)
{
	struct sql_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return;
	}
	__builtin_memset(&r->span.header, 0, sizeof(r->span.header));
	r->span.header.kind = RECORD_SQL;
	r->span.header.tgid = id >> 32;
	r->span.header.tid = id;
	put_span(&r->span, p, s, span);
	r->span.flags = failed ? CLIENT_FAILED : 0;
	r->driver = driver_of(p, span->request);
	put_text(r, p, key, span);
	submit(r);
}

/* The query under way that holds a frame above the current one, 0 where there is
 * none: a panic may have left one. */
static __always_inline struct span *query_above(struct pt_regs *ctx, struct process *p, struct goroutine *s,
						u64 g, u32 *place)
{
	u32 index = under_way(s);
	barrier_var(index);
	if (index >= SPAN_DEPTH)
		return 0;
	*place = index;
	struct span *span = &s->spans[index];
	u64 frame = frame_of(p, g, GO_SP(ctx)) + 1; /* right after the call, it is the same */
	return is_alive(span, read_word(g + p->http.stack_hi), frame) ? span : 0;
}

static __always_inline int finish(struct pt_regs *ctx, int failed)
{
	u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = id >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	u32 index = 0;
	struct span *span = p && s ? query_above(ctx, p, s, key.g, &index) : 0;
	if (!span)
		return 0;
	book(s, p, &key, id, now);
	struct goroutine_key text = key;
	text.pad = index + 1;
	if (!span->sdk_inside)
		tell_query(p, s, &text, span, id, failed);
	else
		bpf_map_delete_elem(&query_texts, &text);
	remove_span(s, index);
	if (!s->depth)
		leave_goroutine(s, &key);
	return 0;
}

/* In the functions that call connStmt, right after it: the branch on its error,
 * with the results still in their registers. From here on the query holds the
 * frame of that function. */
SPAN_PROBE(sql_statement_connected)
{
	if (GO_ARG4(ctx))
		return finish(ctx, 1);
	struct goroutine_key key = { .g = GO_G(ctx), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &key);
	u32 index = 0;
	struct span *span = p && s ? query_above(ctx, p, s, key.g, &index) : 0;
	if (!span)
		return 0;
	span->request = GO_ARG1(ctx);
	span->handle = frame_of(p, key.g, GO_BP(ctx) + 16); /* saved are the frame and the address */
	span->back = read_word(GO_BP(ctx) + 8);
	return 0;
}

/* func (rs *Rows) initContextClose(ctx, txctx context.Context) */
SPAN_PROBE(sql_query_succeeds)
{
	return finish(ctx, 0);
}

/* The method values func(error) of (*driverConn).releaseConn,
 * (*Tx).closemuRUnlockRelease and (*Conn).closemuRUnlockCondReleaseConn. */
SPAN_PROBE(sql_connection_released)
{
	return finish(ctx, !!GO_ARG1(ctx));
}

char __license[] SEC("license") = "Dual MIT/GPL";
