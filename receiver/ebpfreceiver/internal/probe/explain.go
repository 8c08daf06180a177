// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// explain adds to an error of the kernel what to do about it.
func explain(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &verifier): // before EACCES, which it wraps
		return fmt.Errorf("%w: the kernel's verifier refused a program; please report this with its whole log: %+v", err, verifier)
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w (run as root, or with the capabilities BPF, PERFMON, SYS_PTRACE and DAC_READ_SEARCH)", err)
	case errors.Is(err, btf.ErrNotSupported), errors.Is(err, btf.ErrNotFound):
		return fmt.Errorf("%w (the kernel needs BTF: CONFIG_DEBUG_INFO_BTF, to be seen as /sys/kernel/btf/vmlinux)", err)
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%w (the receiver needs Linux 5.10 or later)", err)
	default:
		return err
	}
}
