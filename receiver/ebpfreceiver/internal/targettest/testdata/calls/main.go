// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Calls is a server under observation that serves gRPC and sends requests.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	provider := trace.NewTracerProvider()
	addresses := map[string]string{}
	for name, options := range map[string][]grpc.ServerOption{
		"plain":   {grpc.UnaryInterceptor(recovered)},
		"workers": {grpc.NumStreamWorkers(2)},
		"sdk":     {grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(provider)))},
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		addresses[name] = listener.Addr().String()
		server := grpc.NewServer(options...)
		server.RegisterService(&calls, nil)
		go func() { fmt.Fprintln(os.Stderr, server.Serve(listener)) }()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /addresses", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(addresses)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "up 1") })
	if err := handleSetup(mux); err != nil {
		return err
	}
	handleClients(mux, provider.Tracer("calls"), provider)
	handleChildren(mux, provider.Tracer("calls"))
	if err := handleCalls(mux, addresses["plain"], provider); err != nil {
		return err
	}
	if err := handleStreams(mux, addresses["plain"], provider); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, mux)
}
