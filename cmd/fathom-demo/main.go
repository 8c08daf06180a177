// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command fathom-demo shows on this machine why requests were slow: it starts
// the agent with its default configuration, but exact ledgers, and the demo shop, loads the shop for
// a bounded time, and prints a report that it reads back from ClickHouse.
//
//	fathom-demo [-keep] [-load 20s]   run; -keep leaves everything running
//	fathom-demo query "SELECT …"      ask the ClickHouse of a run that was kept
//	fathom-demo stop                  stop what an earlier run left running
//
// All its files lie in .run beside the directory of its binary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// grace is how long a process may take to stop before it is killed.
	grace       = 20 * time.Second
	defaultLoad = 20 * time.Second
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	interrupted := ctx.Err() != nil
	cancel()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil && interrupted:
		fmt.Fprintln(os.Stderr, "fathom-demo: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "fathom-demo:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	places, err := findPlaces()
	if err != nil {
		return err
	}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "query":
		return query(ctx, args[1:], out)
	case "stop":
		return stop(places, args[1:], out)
	default:
		return demonstrate(ctx, places, args, out)
	}
}

func demonstrate(ctx context.Context, places places, args []string, out io.Writer) error {
	d := &demo{places: places, out: out}
	flags := flag.NewFlagSet("fathom-demo", flag.ContinueOnError)
	flags.BoolVar(&d.keep, "keep", false, "leave everything running and print how to query and stop it")
	flags.DurationVar(&d.load, "load", defaultLoad, "`time` for which the shop is under load")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no command: use query or stop, or only flags", flags.Arg(0))
	}
	if d.load < time.Second || d.load > time.Hour {
		return fmt.Errorf("-load is %v: use 1s to 1h", d.load)
	}
	return d.run(ctx)
}

// places are the paths that the demo uses.
type places struct {
	// bin holds the binaries, root the repository, run what the demo writes.
	bin, root, run string
}

// findPlaces finds them from where this binary lies, <root>/bin.
func findPlaces() (places, error) {
	binary, err := os.Executable()
	if err != nil {
		return places{}, fmt.Errorf("finding this program's own file: %w", err)
	}
	bin := filepath.Dir(binary)
	root := filepath.Dir(bin)
	return places{bin: bin, root: root, run: filepath.Join(root, ".run")}, nil
}

func (p places) binary(name string) string { return filepath.Join(p.bin, name) }

func (p places) log(name string) string { return filepath.Join(p.run, "logs", name+".log") }
