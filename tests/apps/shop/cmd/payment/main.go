// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Payment charges orders over HTTP and checks them for fraud over gRPC. It has
// no instrumentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/fathom-otel/fathom/tests/apps/shop/internal/cause"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/fraud"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/service"
)

func main() { service.Main("payment", run) }

func run(ctx context.Context) (err error) {
	flags := service.Flags{Name: "payment"}
	flags.Register(flag.CommandLine, "127.0.0.1:8082")
	grpcListen := flag.String("grpc-listen", "127.0.0.1:8083", "`address` for gRPC; port 0 picks a free one")
	bank := flag.String("bank", "http://127.0.0.1:8081", "base `URL` that the downstream cause asks")
	flag.Parse()

	causes, err := cause.New(cause.Config{
		WAL:        flags.WAL(),
		Downstream: cause.Downstream(service.NewClient(nil), *bank),
	})
	if err != nil {
		return fmt.Errorf("preparing the causes: %w", err)
	}
	defer func() { err = errors.Join(err, causes.Close()) }()

	rpc := grpc.NewServer()
	fraud.RegisterFraudServer(rpc, fraud.Server{})
	server := &service.Server{Flags: flags, Handler: routes(causes), GRPC: rpc, GRPCListen: *grpcListen}
	return server.Run(ctx, os.Stdout)
}

func routes(causes *cause.Set) http.Handler {
	var receipts atomic.Uint64
	mux := service.NewMux()
	mux.HandleFunc("POST /charge", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := service.Causes(w, r, causes, "payment"); !ok {
			return
		}
		service.Reply(w, service.Charge{Receipt: receipts.Add(1), Cents: 1999})
	})
	return mux
}
