// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command fathom-preflight says what this machine lacks for a piece of work, and
// what to do about it. It exits 1 if something is missing.
//
//	fathom-preflight [-quiet] run|test
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fathom-otel/fathom/internal/chdblibrary"
	"github.com/fathom-otel/fathom/internal/preflight"
)

const gib = 1 << 30

// needs is what each piece of work asks for. Of the disk, modules take 0.5 GiB and
// libchdb 0.7 GiB while it is unpacked; the rest is room for Go's build cache, which
// the race detector doubles, and for ClickHouse's data. The memory is for the
// linker and ClickHouse.
func needs() map[string]preflight.Need {
	return map[string]preflight.Need{
		"run": {
			EBPF: true, Engine: true, FreeDisk: 6 * gib, Memory: 3 * gib,
			Ports: map[int]string{
				4317: "the agent's OTLP gRPC receiver",
				4318: "the agent's OTLP HTTP receiver",
				8888: "the agent's own metrics",
				9000: "the embedded ClickHouse",
			},
		},
		"test": {EBPF: true, Engine: true, CCompiler: true, FreeDisk: 8 * gib, Memory: 3 * gib},
	}
}

func main() {
	ok, err := run(os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fathom-preflight:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) (bool, error) {
	flags := flag.NewFlagSet("fathom-preflight", flag.ContinueOnError)
	quiet := flags.Bool("quiet", false, "print only what is missing")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	need, known := needs()[flags.Arg(0)]
	if !known || flags.NArg() != 1 {
		return false, errors.New("say what for: run or test")
	}
	dirs, err := written()
	if err != nil {
		return false, err
	}
	facts, err := preflight.Gather(dirs...)
	if err != nil {
		return false, fmt.Errorf("look at this machine: %w", err)
	}
	return report(out, "make "+flags.Arg(0), preflight.Check(facts, need), *quiet), nil
}

// written is where the work takes space: here, in the cache of libchdb, and in
// the user's cache, which is Go's, unless the one is inside of the other.
func written() ([]string, error) {
	cache, err := chdblibrary.CacheRoot()
	if err != nil {
		return nil, err
	}
	dirs := []string{".", cache}
	user, err := os.UserCacheDir()
	if err == nil && filepath.Dir(cache) != user {
		dirs = append(dirs, user)
	}
	return dirs, nil
}

// report prints the findings and tells whether nothing is missing.
func report(out io.Writer, work string, findings []preflight.Finding, quiet bool) bool {
	missing := 0
	for _, f := range findings {
		switch {
		case f.Missing():
			missing++
			fmt.Fprintf(out, "missing  %-12s  %s\n                       → %s\n", f.Name, f.Detail, f.Remedy)
		case !quiet:
			fmt.Fprintf(out, "ok       %-12s  %s\n", f.Name, f.Detail)
		}
	}
	if missing > 0 {
		fmt.Fprintf(out, "%s cannot start: %d of %d things that it needs are missing (see above)\n", work, missing, len(findings))
	}
	return missing == 0
}
