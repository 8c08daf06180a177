// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Grpc is an executable to analyse, with what the receiver looks for in servers
// and clients of gRPC and in clients of net/http.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"google.golang.org/grpc"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client, err := grpc.NewClient(listener.Addr().String())
	if err == nil {
		err = client.Invoke(context.Background(), "/", nil, nil)
	}
	if response, err := http.Get("http://" + listener.Addr().String()); err == nil {
		response.Body.Close()
	}
	fmt.Fprintln(os.Stderr, err, grpc.NewServer().Serve(listener))
}
