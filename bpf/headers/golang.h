/* SPDX-License-Identifier: Dual MIT/GPL */
/* The Go runtime as seen from a probe: registers of the internal ABI
 * (src/cmd/compile/abi-internal.md) and reads of the process's memory. */
#pragma once

#include "kernel.h"

#if defined(__TARGET_ARCH_x86)
#define GO_G(ctx) ((ctx)->r14)
#define GO_SP(ctx) ((ctx)->sp)
#define GO_BP(ctx) ((ctx)->bp)
#define GO_CLOSURE(ctx) ((ctx)->dx)
#define GO_CALLER_SP(ctx) ((ctx)->sp + 8) /* before the frame is set up */
#define GO_ARG1(ctx) ((ctx)->ax)
#define GO_ARG2(ctx) ((ctx)->bx)
#define GO_ARG3(ctx) ((ctx)->cx)
#define GO_ARG4(ctx) ((ctx)->di)
#define GO_ARG6(ctx) ((ctx)->r8)
#define GO_ARG7(ctx) ((ctx)->r9)
#define GO_ARG8(ctx) ((ctx)->r10)
#define GO_ARG9(ctx) ((ctx)->r11)
#elif defined(__TARGET_ARCH_arm64)
#define GO_G(ctx) ((ctx)->regs[28])
#define GO_SP(ctx) ((ctx)->sp)
#define GO_BP(ctx) ((ctx)->regs[29])
#define GO_CLOSURE(ctx) ((ctx)->regs[26])
#define GO_CALLER_SP(ctx) ((ctx)->sp)
#define GO_ARG1(ctx) ((ctx)->regs[0])
#define GO_ARG2(ctx) ((ctx)->regs[1])
#define GO_ARG3(ctx) ((ctx)->regs[2])
#define GO_ARG4(ctx) ((ctx)->regs[3])
#define GO_ARG6(ctx) ((ctx)->regs[5])
#define GO_ARG7(ctx) ((ctx)->regs[6])
#define GO_ARG8(ctx) ((ctx)->regs[7])
#define GO_ARG9(ctx) ((ctx)->regs[8])
#endif

/* src/runtime/runtime2.go: goroutine states that casgstatus moves between. */
enum go_status {
	GO_RUNNABLE = 1,
	GO_RUNNING = 2,
	GO_SYSCALL = 3,
	GO_WAITING = 4,
	GO_DEAD = 6,
	GO_COPYSTACK = 8,
	GO_PREEMPTED = 9,
	GO_DEAD_EXTRA = 11, /* Go 1.26: of a C thread between calls */
	GO_SCAN = 0x1000, /* besides: the collector scans its stack */
};

/* Reads *dst at addr of the current process; zero where that fails. */
#define READ_USER(dst, addr) bpf_probe_read_user(&(dst), sizeof(dst), (const void *)(addr))

static __always_inline u64 read_word(u64 addr)
{
	u64 word = 0;
	READ_USER(word, addr);
	return word;
}

/* Copies the Go string whose header is at addr, at most max - 1 bytes, and
 * returns how many. max must be a power of two. */
static __always_inline u32 read_string(char *dst, u32 max, u64 addr)
{
	u64 data = read_word(addr), len = read_word(addr + 8);
	if (!data || !len)
		return 0;
	if (len > max - 1)
		len = max - 1;
	len &= max - 1;
	if (bpf_probe_read_user(dst, len, (const void *)data))
		return 0;
	return len;
}
