// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command clickhouse-engine is a ClickHouse engine for one node: libchdb
// behind ClickHouse's native protocol.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/library"
	"github.com/fathom-otel/fathom/internal/chdblibrary"
)

const usage = `clickhouse-engine serves a ClickHouse engine on this machine.

  clickhouse-engine fetch    download the ClickHouse library, once (170 MiB)
  clickhouse-engine serve    serve the native protocol; -h lists the flags
  clickhouse-engine version  print the version of the library it is built for
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "clickhouse-engine:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out, messages io.Writer) error {
	command := ""
	if len(arguments) > 0 {
		command, arguments = arguments[0], arguments[1:]
	}
	switch command {
	case "fetch":
		return fetch(ctx, arguments, out, messages)
	case "serve":
		return serve(ctx, arguments, messages)
	case "version":
		_, err := fmt.Fprintln(out, chdblibrary.Version)
		return err
	case "", "help", "-h", "--help":
		_, err := io.WriteString(out, usage)
		return err
	}
	return fmt.Errorf("unknown command %q\n\n%s", command, usage)
}

func fetch(ctx context.Context, arguments []string, out, messages io.Writer) error {
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	flags.SetOutput(messages)
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("fetch takes no argument, got %q", flags.Arg(0))
	}
	return library.Fetch(ctx, func(line string) { fmt.Fprintln(out, line) })
}
