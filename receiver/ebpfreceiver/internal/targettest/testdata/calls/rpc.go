// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// calls is the service fathom.test.Calls. Its messages say what to do.
var calls = grpc.ServiceDesc{
	ServiceName: "fathom.test.Calls",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Stream", Handler: stream, ServerStreams: true, ClientStreams: true},
		{StreamName: "Collect", Handler: collect, ClientStreams: true},
	},
}

func unary(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	in := &wrapperspb.StringValue{}
	if err := decode(in); err != nil {
		return nil, err
	}
	handle := func(ctx context.Context, _ any) (any, error) { return in, do(ctx, in.GetValue()) }
	if intercept == nil {
		return handle(ctx, in)
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{Server: server, FullMethod: "/fathom.test.Calls/Unary"}, handle)
}

// stream echoes each message once it is obeyed.
func stream(_ any, s grpc.ServerStream) error {
	for {
		in := &wrapperspb.StringValue{}
		if err := s.RecvMsg(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(s.Context(), in.GetValue()); err != nil {
			return err
		}
		if err := s.SendMsg(in); err != nil {
			return err
		}
	}
}

func do(ctx context.Context, what string) error {
	switch what {
	case "sleep":
		time.Sleep(20 * time.Millisecond)
	case "wait":
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	case "not found":
		return status.Error(codes.NotFound, what)
	case "no status":
		return errors.New(what)
	case "panic":
		panic(what)
	case "exit":
		runtime.Goexit()
	}
	return nil
}

func recovered(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Errorf(codes.Internal, "%v", p)
		}
	}()
	return handle(ctx, in)
}

// handleCalls serves what calls the server of gRPC at an address, to do what the
// query says.
func handleCalls(mux *http.ServeMux, address string, provider *trace.TracerProvider) error {
	for path, options := range map[string][]grpc.DialOption{
		"GET /call":     nil,
		"GET /call/sdk": {grpc.WithStatsHandler(otelgrpc.NewClientHandler(otelgrpc.WithTracerProvider(provider)))},
	} {
		client, err := grpc.NewClient(address, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			return err
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			if r.URL.Query().Has("invalid") {
				ctx = metadata.AppendToOutgoingContext(ctx, "no key", "")
			}
			err := client.Invoke(ctx, "/fathom.test.Calls/Unary", wrapperspb.String(r.URL.Query().Get("do")), &wrapperspb.StringValue{})
			fmt.Fprintln(w, status.Code(err))
		})
	}
	return nil
}
