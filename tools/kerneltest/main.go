// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command kerneltest runs the tests of the BPF programs on Debian's kernels, each
// in a virtual machine of its own:
//
//	kerneltest [-run pattern] 5.10 6.1
//
// The kernels come as Debian packages of the releases that have them, from where
// this machine has its packages, or from the user's cache where that cannot be
// asked; qemu must be there. It emulates the processor,
// so that no KVM is needed. The kernels run at the same time. It exits 1 if a
// test failed on one of them, and prints what that machine's console showed, the
// verifier's log included.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// testedPackage has the programs and the tests that load and attach all of them.
const testedPackage = "receiver/ebpfreceiver/internal/probe"

// targets are the programs that these tests observe.
const targets = "receiver/ebpfreceiver/internal/targettest/testdata"

// chosen are the tests that load all programs, attach them to all kinds of
// targets, and look at all kinds of records. With -run . all others run too, as
// far as they need no more than that machine has.
const chosen = "^Test(KindsOfKernels|ManyCallsAtOnce|ManyRequestsThatSend|OpenConnectionsAreTold|GoroutinesInASpan|EachTierSeesItsPart)$"

// left are the tests that read the source of the programs, or that build programs
// themselves.
const left = "^Test(CountersAreNumberedAsInTheKernel|NumbersAreThoseOfThePrograms|ReleasesOfGo|RequestsOverAnUnknownHTTP2)$"

// fewest tests that must pass: of those chosen, none may be missing.
func fewest(pattern string) int {
	if pattern != chosen {
		return 1
	}
	return 1 + strings.Count(chosen, "|")
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pattern := flag.String("run", chosen, "run the tests whose names match this")
	timeout := flag.Duration("timeout", 10*time.Minute, "how long a machine may take")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(ctx, *pattern, *timeout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pattern string, timeout time.Duration, series []string) error {
	folder, err := os.MkdirTemp("", "kerneltest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	initramfs, err := pack(ctx, folder)
	if err != nil {
		return err
	}
	found, err := kernels(ctx, folder, series)
	if err != nil {
		return err
	}
	errs, least := make([]error, len(found)), fewest(pattern)
	var all sync.WaitGroup
	for i, k := range found {
		all.Go(func() {
			began := time.Now()
			m := machine{kernel: k.image, initramfs: initramfs, arguments: []string{
				"/" + testedPackage + "/tests", "-test.v", "-test.run=" + pattern, "-test.skip=" + left,
			}}
			console, err := m.run(ctx, timeout)
			passed, failed := count(console)
			fmt.Printf("kernel %s (%s): %d tests passed, %d failed, in %.0f s\n", k.series, k.name, passed, failed, time.Since(began).Seconds())
			if err != nil || failed > 0 || passed < least {
				errs[i] = errors.Join(fmt.Errorf("on kernel %s tests failed, or fewer than %d ran", k.name, least), err)
				fmt.Printf("console of kernel %s:\n%s\n", k.name, console)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// pack builds what runs in the machines, and packs it.
func pack(ctx context.Context, folder string) (string, error) {
	root := "github.com/fathom-otel/fathom/"
	for name, build := range map[string][]string{
		"tests":  {"test", "-c", root + testedPackage},
		"init":   {"build", root + "tools/kerneltest/guest"},
		"target": {"build", root + targets + "/target"},
		"calls":  {"build", root + targets + "/calls"},
	} {
		arguments := append([]string{build[0], "-o", filepath.Join(folder, name)}, build[1:]...)
		command := exec.CommandContext(ctx, "go", arguments...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", strings.Join(arguments, " "), err, output)
		}
	}
	path := filepath.Join(folder, "initramfs")
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	a := newArchive(file)
	a.addFile("init", filepath.Join(folder, "init"))
	a.addFile(testedPackage+"/tests", filepath.Join(folder, "tests"))
	a.addFile("targets/target", filepath.Join(folder, "target"))
	a.addFile("targets/calls", filepath.Join(folder, "calls"))
	return path, errors.Join(a.close(), file.Close())
}

// machine is a virtual machine.
type machine struct {
	kernel, initramfs string
	arguments         []string // what its first process runs
}

// run starts the machine and waits until it has switched itself off. The error
// says that it did not run to its end, or that what it ran failed.
func (m machine) run(ctx context.Context, timeout time.Duration) (console string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	line := "console=ttyS0 panic=-1 quiet rdinit=/init FATHOM_TEST_TARGETS=/targets -- " + strings.Join(m.arguments, " ")
	command := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max",
		"-m", "1536", "-smp", "2", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", m.kernel, "-initrd", m.initramfs, "-append", line)
	var output, complaints bytes.Buffer
	command.Stdout, command.Stderr = &output, &complaints
	err = command.Run()
	console = strings.ReplaceAll(output.String(), "\r", "")
	if ctx.Err() != nil {
		return console, fmt.Errorf("the machine had not ended after %v", timeout)
	}
	if err != nil {
		return console, fmt.Errorf("qemu: %w\n%s", err, complaints.String())
	}
	if !strings.Contains(console, "\nkerneltest: exit status 0\n") {
		return console, errors.New("the machine did not say that all passed")
	}
	return console, nil
}

var outcome = regexp.MustCompile(`(?m)^--- (PASS|FAIL): `)

// count is how many tests passed and failed, subtests not counted.
func count(console string) (passed, failed int) {
	for _, match := range outcome.FindAllStringSubmatch(console, -1) {
		if match[1] == "PASS" {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}
