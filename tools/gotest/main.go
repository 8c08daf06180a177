// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command gotest runs `go test` and says, a line a package, what came of it; the
// output of what failed follows its package, and the last line counts.
//
//	gotest [-show pattern] [-log file] -- <go test arguments> [-- <go test arguments>]...
//
// Each group after a `--` is a `go test` of its own; all of them run, and all of
// them count, whatever fails. A group with -race is built with cgo, which the race
// detector needs; one that begins with -C and a directory runs there, which may be
// a module of its own. Output of packages whose path matches -show is
// printed also when they pass. It exits 1 if a test or package failed, or if no
// test ran at all.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (bool, error) {
	flags := flag.NewFlagSet("gotest", flag.ContinueOnError)
	show := flags.String("show", "^$", "print the output of packages whose path matches this also when they pass")
	logPath := flags.String("log", "", "write every line of test output to this file")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	shown, err := regexp.Compile(*show)
	if err != nil {
		return false, fmt.Errorf("-show: %w", err)
	}
	log, err := openLog(*logPath)
	if err != nil {
		return false, fmt.Errorf("-log: %w", err)
	}
	defer log.Close()

	report := newReport(out, log, shown)
	for _, group := range groups(flags.Args()) {
		if err := goTest(ctx, group, report); err != nil {
			return false, err
		}
	}
	return report.finish(), nil
}

// groups splits arguments at each "--".
func groups(args []string) [][]string {
	all := [][]string{nil}
	for _, arg := range args {
		if arg == "--" {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], arg)
	}
	return all
}

// goTest feeds the events of one `go test` to the report.
func goTest(ctx context.Context, args []string, report *report) error {
	cmd := exec.CommandContext(ctx, "go", command(args)...)
	if slices.Contains(args, "-race") {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			report.line(line)
		}
		if err != nil {
			break
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		report.exited(exit)
	} else if err != nil {
		return fmt.Errorf("run go test: %w", err)
	}
	return nil
}

// command is the arguments of the go command for a group: it wants -C before all
// other flags.
func command(group []string) []string {
	if len(group) >= 2 && group[0] == "-C" {
		return append([]string{"test", "-C", group[1], "-json"}, group[2:]...)
	}
	return append([]string{"test", "-json"}, group...)
}

type nopLog struct{ io.Writer }

func (nopLog) Close() error { return nil }

func openLog(path string) (io.WriteCloser, error) {
	if path == "" {
		return nopLog{io.Discard}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}
