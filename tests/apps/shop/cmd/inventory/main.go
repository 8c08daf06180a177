// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Inventory knows what is in stock. It answers over HTTP, asks payment over
// gRPC whether an item is often ordered in fraud, and has no instrumentation.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/fathom-otel/fathom/tests/apps/shop/internal/cause"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/fraud"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/service"
)

func main() { service.Main("inventory", run) }

func run(ctx context.Context) (err error) {
	flags := service.Flags{Name: "inventory"}
	flags.Register(flag.CommandLine, "127.0.0.1:8081")
	payment := flag.String("payment", "http://127.0.0.1:8082", "base `URL` of payment, which the downstream cause asks")
	paymentGRPC := flag.String("payment-grpc", "127.0.0.1:8083", "`address` of payment's gRPC service")
	flag.Parse()

	causes, err := cause.New(cause.Config{
		WAL:        flags.WAL(),
		Downstream: cause.Downstream(service.NewClient(nil), *payment),
	})
	if err != nil {
		return fmt.Errorf("preparing the causes: %w", err)
	}
	defer func() { err = errors.Join(err, causes.Close()) }()

	conn, err := grpc.NewClient(*paymentGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connecting to payment at %s: %w", *paymentGRPC, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	server := &service.Server{Flags: flags, Handler: routes(causes, fraud.NewFraudClient(conn))}
	return server.Run(ctx, os.Stdout)
}

func routes(causes *cause.Set, frauds fraud.FraudClient) http.Handler {
	mux := service.NewMux()
	mux.HandleFunc("GET /stock/{item}", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := service.Causes(w, r, causes, "inventory"); !ok {
			return
		}
		item := r.PathValue("item")
		check, err := frauds.Check(r.Context(), &fraud.CheckRequest{Item: item, Quantity: 1})
		if err != nil {
			service.Fail(w, fmt.Errorf("asking payment about %s: %w", item, err))
			return
		}
		service.Reply(w, service.Stock{Item: item, Available: 7, Suspicious: check.GetSuspicious()})
	})
	return mux
}
