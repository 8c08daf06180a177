// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Command target is a program to analyse: it links net/http and the OTel SDK,
// and waits until its standard input ends.
package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime/metrics"

	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	_, span := trace.NewTracerProvider().Tracer("target").Start(context.Background(), "run")
	metrics.Read([]metrics.Sample{{Name: "/sched/latencies:seconds"}})
	if len(os.Args) > 1 {
		_ = http.ListenAndServe(os.Args[1], nil)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	span.End()
}
