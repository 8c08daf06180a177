// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// collect answers once with the last of all messages.
func collect(_ any, s grpc.ServerStream) error {
	last := &wrapperspb.StringValue{}
	for {
		in := &wrapperspb.StringValue{}
		if err := s.RecvMsg(in); errors.Is(err, io.EOF) {
			return s.SendMsg(last)
		} else if err != nil {
			return err
		}
		if err := do(s.Context(), in.GetValue()); err != nil {
			return err
		}
		last = in
	}
}

// handleStreams serves what opens streams to the server of gRPC at an address, and
// answers with the codes with which they ended.
func handleStreams(mux *http.ServeMux, address string, provider *trace.TracerProvider) error {
	clients := map[string]*grpc.ClientConn{}
	for name, options := range map[string][]grpc.DialOption{
		"plain": nil, "sdk": {grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithTracerProvider(provider)))},
		"nobody": nil,
	} {
		to := address
		if name == "nobody" {
			to = "127.0.0.1:1"
		}
		client, err := grpc.NewClient(to, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			return err
		}
		clients[name] = client
	}
	mux.HandleFunc("GET /stream/{how}", func(w http.ResponseWriter, r *http.Request) {
		how, client := r.PathValue("how"), clients["plain"]
		if other := clients[how]; other != nil {
			client = other
		}
		ended := make(chan error, 1)
		open := func() { ended <- streamAs(r.Context(), client, how, r.URL.Query().Get("do")) }
		if how == "started" {
			go open()
		} else {
			open()
		}
		fmt.Fprintln(w, status.Code(<-ended))
	})
	mux.HandleFunc("GET /streams/crossed", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, status.Code(crossed(r.Context(), clients["plain"])))
	})
	return nil
}

// streamAs opens one stream and ends it.
func streamAs(ctx context.Context, client *grpc.ClientConn, how, what string) error {
	limit := time.Minute
	if how == "deadline" {
		limit = 50 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	desc, method := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/fathom.test.Calls/Stream"
	switch how {
	case "client":
		desc, method = &grpc.StreamDesc{ClientStreams: true}, "/fathom.test.Calls/Collect"
	case "server":
		desc = &grpc.StreamDesc{ServerStreams: true}
	}
	s, err := client.NewStream(ctx, desc, method)
	if err != nil {
		cancel()
		return err
	}
	defer cancel()
	if err := s.SendMsg(wrapperspb.String(what)); err != nil {
		return err
	}
	if how == "cancel" {
		if err := s.RecvMsg(&wrapperspb.StringValue{}); err != nil {
			return err
		}
		return status.Error(codes.Canceled, how)
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	if how != "elsewhere" {
		return drain(s)
	}
	ended := make(chan error)
	go func() { ended <- drain(s) }()
	return <-ended
}

// drain receives to the end.
func drain(s grpc.ClientStream) error {
	for {
		err := s.RecvMsg(&wrapperspb.StringValue{})
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// crossed opens two streams, of which the one that was opened first ends first,
// and makes a call while both are open.
func crossed(ctx context.Context, client *grpc.ClientConn) error {
	desc := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	var streams [2]grpc.ClientStream
	for i := range streams {
		s, err := client.NewStream(ctx, desc, "/fathom.test.Calls/Stream")
		if err != nil {
			return err
		}
		streams[i] = s
	}
	err := client.Invoke(ctx, "/fathom.test.Calls/Unary", wrapperspb.String("not found"), &wrapperspb.StringValue{})
	if status.Code(err) != codes.NotFound {
		return errors.New("the call in between")
	}
	for _, s := range streams {
		if err := errors.Join(s.CloseSend(), drain(s)); err != nil {
			return err
		}
	}
	return nil
}
