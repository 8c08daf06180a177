// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package supervisor

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the terminal's Ctrl-C from the engine: it has to outlive the
// exporters, which still write to it while the agent stops.
func ownGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
