/* SPDX-License-Identifier: Dual MIT/GPL */
/* What a connection waits for before it carries anything: the look-up of a name,
 * and the handshake of TLS. Each is on one goroutine from its begin to its end. */
#include "behalf.h"
#include "hits.h"

struct setup {
	u64 start;
	u64 name, name_len; /* of a look-up: the string */
	u64 conn; /* of a handshake: the *tls.Conn */
	u32 server; /* of a handshake: it is the server's */
	u32 len; /* of the text */
	char text[SETUP_NAME_SIZE];
};

/* By goroutine, whose key's pad is the operation. One that a panic left gives way. */
struct setup_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct goroutine_key);
	__type(value, struct setup);
} setups SEC(".maps");

struct blank_setup_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct setup);
} blank_setup SEC(".maps");

static __always_inline struct setup *begin(struct goroutine_key *key)
{
	u32 zero = 0;
	struct setup *blank = bpf_map_lookup_elem(&blank_setup, &zero);
	if (!blank)
		return 0;
	bpf_map_update_elem(&setups, key, blank, BPF_ANY);
	struct setup *setup = bpf_map_lookup_elem(&setups, key);
	if (!setup)
		count(DROPPED_SETUPS_FULL);
	else
		setup->start = bpf_ktime_get_ns();
	return setup;
}

static __always_inline u32 read_name(char *dst, u64 name, u64 len)
{
	if (len > SETUP_NAME_SIZE - 1)
		len = SETUP_NAME_SIZE - 1;
	len &= SETUP_NAME_SIZE - 1;
	return len && !bpf_probe_read_user(dst, len, (const void *)name) ? len : 0;
}

/* func (r *Resolver) lookupIPAddr(ctx context.Context, network, host string) ([]IPAddr, error) */
SPAN_PROBE(lookup_starts)
{
	struct goroutine_key key = { .g = GO_G(ctx),
				     .tgid = bpf_get_current_pid_tgid() >> 32,
				     .pad = SETUP_LOOKUP };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct setup *setup = p && p->lookup_min_duration != NEVER ? begin(&key) : 0;
	if (!setup)
		return 0;
	setup->name = GO_ARG6(ctx);
	setup->name_len = GO_ARG7(ctx);
	setup->len = read_name(setup->text, setup->name, setup->name_len);
	return 0;
}

static __always_inline int handshake_begins(struct pt_regs *ctx, u32 server)
{
	struct goroutine_key key = { .g = GO_G(ctx),
				     .tgid = bpf_get_current_pid_tgid() >> 32,
				     .pad = SETUP_HANDSHAKE };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct setup *setup = p && p->handshake_min_duration != NEVER ? begin(&key) : 0;
	if (!setup)
		return 0;
	setup->conn = GO_ARG1(ctx);
	setup->server = server;
	return 0;
}

/* func (c *Conn) clientHandshake(ctx context.Context) error */
SPAN_PROBE(handshake_starts)
{
	return handshake_begins(ctx, 0);
}

/* func (c *Conn) serverHandshake(ctx context.Context) error */
SPAN_PROBE(handshake_server_starts)
{
	return handshake_begins(ctx, 1);
}

/* The record of what ends now; 0 where it was too short to be told. */
static __always_inline struct setup_record *ended(struct process *p, struct goroutine_key *key,
						  struct setup *setup, u64 least, int failed)
{
	u64 now = bpf_ktime_get_ns();
	if (least == NEVER || (!failed && now - setup->start < least))
		return 0;
	struct setup_record *r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		count(DROPPED_BUFFER_FULL);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->header.kind = RECORD_SETUP;
	r->header.tgid = key->tgid;
	r->header.tid = bpf_get_current_pid_tgid();
	r->header.start = setup->start;
	r->header.end = now;
	r->failed = failed;
	struct goroutine_key running = { .g = key->g, .tgid = key->tgid };
	struct goroutine *s = bpf_map_lookup_elem(&goroutines, &running);
	if (s)
		put_identity_of(&r->header, p, s);
	else
		READ_USER(r->header.goid, key->g + p->g_goid);
	return r;
}

/* In internetAddrList, right after it called lookupIPAddr: the branch on the error,
 * the fourth of the results, which are still in their registers. */
SPAN_PROBE(lookup_ends)
{
	struct goroutine_key key = { .g = GO_G(ctx),
				     .tgid = bpf_get_current_pid_tgid() >> 32,
				     .pad = SETUP_LOOKUP };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct setup *setup = bpf_map_lookup_elem(&setups, &key);
	if (!p || !setup)
		return 0;
	struct setup_record *r = ended(p, &key, setup, p->lookup_min_duration, !!GO_ARG4(ctx));
	if (r) {
		r->operation = SETUP_LOOKUP;
		u32 len = setup->len & (SETUP_NAME_SIZE - 1);
		if (len && !bpf_probe_read_kernel(r->name, len, setup->text))
			r->name_len = len;
		/* A constant may not have been in memory until it was looked at. */
		else if (setup->name >= p->constants && setup->name < p->constants_end)
			r->name_len = read_name(r->name, setup->name, setup->name_len);
		submit(r);
	}
	bpf_map_delete_elem(&setups, &key);
	return 0;
}

/* The deferred c.in.Unlock() of handshakeContext: its closure holds the mutex. */
SPAN_PROBE(handshake_ends)
{
	struct goroutine_key key = { .g = GO_G(ctx),
				     .tgid = bpf_get_current_pid_tgid() >> 32,
				     .pad = SETUP_HANDSHAKE };
	struct process *p = bpf_map_lookup_elem(&processes, &key.tgid);
	struct setup *setup = bpf_map_lookup_elem(&setups, &key);
	if (!p || !setup || read_word(GO_CLOSURE(ctx) + 8) != setup->conn + p->tls.in)
		return 0;
	int failed = !!read_word(setup->conn + p->tls.error);
	struct setup_record *r = ended(p, &key, setup, p->handshake_min_duration, failed);
	if (r) {
		r->operation = SETUP_HANDSHAKE;
		r->server = setup->server;
		READ_USER(r->version, setup->conn + p->tls.version);
		r->name_len = read_string(r->name, SETUP_NAME_SIZE, setup->conn + p->tls.server_name);
		submit(r);
	}
	bpf_map_delete_elem(&setups, &key);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
