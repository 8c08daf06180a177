/* SPDX-License-Identifier: Dual MIT/GPL */
/* Signals that are delivered to the observed processes, counted by number. */
#include "counters.h"
#include "process.h"

/* include/uapi/asm-generic/signal.h and siginfo.h */
#define SIGURG 23
#define SI_TKILL (-6)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernel_siginfo {
	int si_code;
};

#pragma clang attribute pop

struct signal_key {
	u32 tgid;
	u16 number;
	/* The Go runtime's, to preempt the goroutine of a thread: SIGURG by tgkill
	 * (signalM of src/runtime/os_linux.go). Urgent data of a socket comes otherwise. */
	u16 preempts;
};

struct signal_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct signal_key);
	__type(value, u64);
} signals SEC(".maps");

/* int sig, struct kernel_siginfo *info, struct k_sigaction *ka: in the thread that
 * takes it. One that nobody handles is not delivered, nor one that is blocked. */
SEC("raw_tp/signal_deliver")
int signal_delivered(struct bpf_raw_tracepoint_args *ctx)
{
	u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct process *p = observed_process(tgid);
	if (!p || !(p->flags & PROCESS_SIGNALS))
		return 0;
	struct signal_key key = { .tgid = tgid, .number = ctx->args[0] };
	struct kernel_siginfo *info = (struct kernel_siginfo *)ctx->args[1];
	key.preempts = key.number == SIGURG && BPF_CORE_READ(info, si_code) == SI_TKILL;
	u64 *seen = bpf_map_lookup_elem(&signals, &key);
	if (!seen) {
		u64 none = 0;
		bpf_map_update_elem(&signals, &key, &none, BPF_NOEXIST);
		seen = bpf_map_lookup_elem(&signals, &key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		count(DROPPED_SIGNALS_FULL);
	return 0;
}

char __license[] SEC("license") = "Dual MIT/GPL";
