// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries of the repository, in <root>/bin.
type binaries struct{ root string }

func (b binaries) path(name string) string { return filepath.Join(b.root, "bin", name) }

// repository is where the tests run.
func repository(t testing.TB) binaries {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return binaries{root: root}
}

// TestMain brings ./bin up to date, as make run does, and fetches the engine's
// library where it is missing.
func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "the end-to-end tests cannot run:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("they load BPF programs: run them as root")
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		return fmt.Errorf("the receiver needs a kernel with BTF (CONFIG_DEBUG_INFO_BTF): %w", err)
	}
	command := exec.Command("make", "-C", filepath.Join("..", ".."), "build", "fetch")
	// Variables of a make that runs these tests are not meant for this one.
	command.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("make build fetch: %w\n%s", err, said)
	}
	return nil
}
