// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Loadgen sends a bounded load of orders to checkout and ends by itself with a
// summary in JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "loadgen: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	set := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	plan := plan{}
	set.StringVar(&plan.target, "target", "http://127.0.0.1:8080", "base `URL` of checkout")
	set.Float64Var(&plan.rate, "rate", 20, "requests started `per second`")
	set.IntVar(&plan.requests, "requests", 200, "`number` of requests after which to end")
	set.DurationVar(&plan.duration, "duration", time.Minute, "`time` after which to end at the latest")
	set.IntVar(&plan.concurrency, "concurrency", 8, "`number` of requests in progress at most; what is due beyond is counted as missed")
	set.DurationVar(&plan.slow, "slow", 50*time.Millisecond, "`time` that a cause takes")
	set.Uint64Var(&plan.seed, "seed", 1, "`seed` of the choice among the scenarios")
	scenarios := set.String("scenarios", "ok=60,mutex=4,channel=4,gc=4,downstream=4,cpu=4,fsync=4,scheduler=4,sleep=4,mutex@inventory=4,fsync@payment=4",
		"`list` of SCENARIO=WEIGHT: ok, or a cause, or CAUSE@SERVICE")
	logPath := set.String("log", "", "`file` that gets one JSON line a request, with its trace ID; none if empty")
	if err := set.Parse(args); err != nil {
		return err
	}
	var err error
	if plan.scenarios, err = parseScenarios(*scenarios); err != nil {
		return fmt.Errorf("-scenarios: %w", err)
	}
	if err := plan.validate(); err != nil {
		return err
	}
	log := io.Discard
	if *logPath != "" {
		file, err := os.Create(*logPath)
		if err != nil {
			return fmt.Errorf("creating the log: %w", err)
		}
		defer file.Close()
		log = file
	}
	summary, err := plan.run(ctx, log)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(summary)
}
