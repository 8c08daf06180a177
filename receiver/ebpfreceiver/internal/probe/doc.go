// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package probe loads the BPF programs of bpf/, attaches them to the kernel and
// to processes, and delivers their records. It attaches only at offsets that a
// plan proved (package plan) and never writes into a process.
package probe

// One object a program group. The maps that groups share are made once, by the
// first, and handed to the others.
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 -type process -type goroutine -type hit_count -type activity -type in_span_place -type child -type ending spans ../../../../bpf/spans/spans.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 -type disk_sum scheduler ../../../../bpf/scheduler/scheduler.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 -type connection syscalls ../../../../bpf/syscalls/syscalls.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 children ../../../../bpf/children/children.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 world ../../../../bpf/world/world.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 http2 ../../../../bpf/http2/http2.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 rpc ../../../../bpf/rpc/rpc.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 clients ../../../../bpf/clients/clients.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 -type client_stream rpcclients ../../../../bpf/rpcclients/rpcclients.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 network ../../../../bpf/network/network.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 profile ../../../../bpf/profile/profile.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 looks ../../../../bpf/looks/looks.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 sql ../../../../bpf/sql/sql.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 setup ../../../../bpf/setup/setup.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 -type sdk_layout sdkspans ../../../../bpf/sdkspans/sdkspans.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 block ../../../../bpf/block/block.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -no-global-types -target amd64,arm64 signals ../../../../bpf/signals/signals.bpf.c -- -I../../../../bpf/headers -I/usr/include/x86_64-linux-gnu -O2 -mcpu=v3 -Wall -Werror
