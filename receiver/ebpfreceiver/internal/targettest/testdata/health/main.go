// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Health is a server of gRPC's own health service, which every release of gRPC
// has: tests build it with several. Asked for the service "stream", it opens a
// stream itself, which nobody serves, and reads its end; for "calls", it makes two
// calls itself, of which it serves one.
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

type calling struct {
	*health.Server
	client *grpc.ClientConn
}

func (s calling) Check(ctx context.Context, in *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	switch in.Service {
	case "stream":
		return s.stream(ctx, in)
	case "calls":
		out := &grpc_health_v1.HealthCheckResponse{}
		_ = s.client.Invoke(ctx, "/no.such/Method", in, out)
		return out, s.client.Invoke(ctx, "/grpc.health.v1.Health/Check", &grpc_health_v1.HealthCheckRequest{}, out)
	}
	return s.Server.Check(ctx, in)
}

func (s calling) stream(ctx context.Context, in *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	stream, err := s.client.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/no.such/Method")
	if err != nil {
		return nil, err
	}
	_ = stream.RecvMsg(in)
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	client, err := grpc.Dial(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())) //nolint:staticcheck // NewClient is not in every release
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, calling{health.NewServer(), client})
	fmt.Println(listener.Addr())
	return server.Serve(listener)
}
