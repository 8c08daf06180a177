// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Checkout takes orders. It is instrumented with the OpenTelemetry SDK: its
// server and client spans go to the OTLP endpoint that the standard environment
// variables name.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/fathom-otel/fathom/tests/apps/shop/internal/cause"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/fraud"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/service"
)

func main() { service.Main("checkout", run) }

func run(ctx context.Context) (err error) {
	flags := service.Flags{Name: "checkout"}
	flags.Register(flag.CommandLine, "127.0.0.1:8080")
	inventory := flag.String("inventory", "http://127.0.0.1:8081", "base `URL` of inventory, which the downstream cause asks")
	payment := flag.String("payment", "http://127.0.0.1:8082", "base `URL` of payment")
	paymentGRPC := flag.String("payment-grpc", "127.0.0.1:8083", "`address` of payment's gRPC service")
	flag.Parse()

	provider, err := newProvider(ctx)
	if err != nil {
		return fmt.Errorf("setting up OpenTelemetry: %w", err)
	}
	defer func() { err = errors.Join(err, shutdown(provider)) }()

	client := service.NewClient(func(transport http.RoundTripper) http.RoundTripper {
		return otelhttp.NewTransport(transport)
	})
	causes, err := cause.New(cause.Config{
		WAL:        flags.WAL(),
		Downstream: cause.Downstream(client, *inventory),
	})
	if err != nil {
		return fmt.Errorf("preparing the causes: %w", err)
	}
	defer func() { err = errors.Join(err, causes.Close()) }()

	conn, err := grpc.NewClient(*paymentGRPC,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
	if err != nil {
		return fmt.Errorf("connecting to payment at %s: %w", *paymentGRPC, err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	c := &checkout{causes: causes, client: client, inventory: *inventory, payment: *payment, frauds: fraud.NewFraudClient(conn)}
	server := &service.Server{Flags: flags, Handler: c.routes()}
	return server.Run(ctx, os.Stdout)
}
