// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// updateLink asks the kernel to exchange a link's program: union bpf_attr of
// include/uapi/linux/bpf.h, link_update.
func updateLink(t *testing.T, l link.Link, program *ebpf.Program) error {
	t.Helper()
	attributes := struct{ link, program, flags, old uint32 }{program: uint32(program.FD())}
	raw, ok := l.(interface{ FD() int })
	require.True(t, ok, "%T has no descriptor", l)
	attributes.link = uint32(raw.FD())
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_LINK_UPDATE, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes))
	return errno
}

// The kernel exchanges the program of no link that is used here: what changes
// while probes stay must be in maps.
func TestNoLinkCanBeUpdated(t *testing.T) {
	offset, err := calibratedOffset("/proc/self/exe")
	require.NoError(t, err)
	executable, err := link.OpenExecutable("/proc/self/exe")
	require.NoError(t, err)
	for name, options := range map[string]Options{"what the kernel has": {}, "perf events": perfEvents()} {
		t.Run(name, func(t *testing.T) {
			programs, err := Load(options)
			require.NoError(t, err, "this test needs root on a kernel that loads BPF")
			defer func() { require.NoError(t, programs.Close()) }()
			uprobe, err := programs.uprobe(executable, programs.spans.GoroutineEnds, syscall.Getpid(), offset, 0)
			require.NoError(t, err)
			require.ErrorIs(t, updateLink(t, uprobe, programs.spans.GoroutineEnds), unix.EINVAL)
			require.NoError(t, uprobe.Close())
			for i, tracepoint := range programs.links {
				require.ErrorIs(t, updateLink(t, tracepoint, programs.scheduler.ThreadSwitch), unix.EINVAL, "tracepoint %d", i)
			}
		})
	}
}
