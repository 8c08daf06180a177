// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command guest is the first process of a virtual machine that tests run in: it
// sets the machine up, runs one command, tells its exit status on the console
// and switches the machine off.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// verdict precedes the exit status: tools/kerneltest looks for it.
const verdict = "kerneltest: exit status"

func main() {
	status := 1
	if err := prepare(); err != nil {
		fmt.Println("kerneltest: setting up the machine:", err)
	} else {
		status = run(os.Args[1:])
	}
	fmt.Println(verdict, status)
	syscall.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("kerneltest: switching off:", err)
	}
}

// mounts are the file systems that the receiver and its tests use.
var mounts = []struct{ kind, place string }{
	{"proc", "/proc"}, {"sysfs", "/sys"}, {"tracefs", "/sys/kernel/tracing"}, {"cgroup2", "/sys/fs/cgroup"},
	{"devtmpfs", "/dev"}, {"tmpfs", "/tmp"},
}

func prepare() error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.place, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.place, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mounting %s: %w", m.place, err)
		}
	}
	return switchOn("lo")
}

// switchOn makes a network interface work; the loopback one then has 127.0.0.1.
func switchOn(name string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("switching on %s: %w", name, err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("switching on %s: %w", name, err)
	}
	request.SetUint16(unix.IFF_UP)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(request))); errno != 0 {
		return fmt.Errorf("switching on %s: %w", name, errno)
	}
	return nil
}

// run runs a command in the folder of its executable. The environment is what
// the kernel's command line gives, as NAME=value.
func run(arguments []string) int {
	if len(arguments) == 0 {
		fmt.Println("kerneltest: nothing to run")
		return 1
	}
	command := exec.Command(arguments[0], strings.Fields(strings.Join(arguments[1:], " "))...)
	command.Dir = path.Dir(arguments[0])
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Env = append(os.Environ(), "PATH=/bin", "HOME=/tmp")
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode()
	default:
		fmt.Println("kerneltest:", err)
		return 1
	}
}
