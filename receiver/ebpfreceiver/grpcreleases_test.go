// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// grpcRelease is a release of gRPC with one of Go that builds it: the stream that
// a handler is given has changed over the releases.
type grpcRelease struct {
	grpc, toolchain, shape string
	kinds                  []targettest.Kind
}

func grpcReleases() []grpcRelease {
	stripped, pie, both := targettest.Kind{Stripped: true}, targettest.Kind{PIE: true}, targettest.Kind{Stripped: true, PIE: true}
	return []grpcRelease{
		{"v1.60.1", "go1.21.13", "the oldest whose callers are known", []targettest.Kind{stripped}},
		{"v1.68.2", "go1.22.12", "a Stream", []targettest.Kind{stripped}},
		{"v1.71.1", "go1.23.12", "a pointer to a Stream", []targettest.Kind{stripped}},
		{"v1.75.1", "go1.24.13", "a Stream in a ServerStream", []targettest.Kind{stripped}},
		{"v1.79.0", "go1.25.14", "a Stream in a ServerStream", []targettest.Kind{stripped}},
		{"v1.85.0", "go1.26.8", "a Stream in a ServerStream", []targettest.Kind{pie, both}},
	}
}

// What is seen of the calls of gRPC is the same in all of them; the README has the
// table.
func TestReleasesOfGRPC(t *testing.T) {
	rows := []string{"| gRPC |", "|---|", "| Built with Go |", "| How |", "| Calls on servers, with the caller's trace |", "| Unary calls of clients |", "| Streams of clients |"}
	for _, r := range grpcReleases() {
		var kinds []string
		for _, kind := range r.kinds {
			kinds = append(kinds, kind.String())
			t.Run(fmt.Sprint(r.grpc, " ", r.toolchain, " ", kind), func(t *testing.T) { seeCalls(t, r, kind) })
		}
		for i, cell := range []string{strings.TrimPrefix(r.grpc, "v"), "---", strings.TrimPrefix(r.toolchain, "go"), strings.Join(kinds, ", "), "yes", "yes", "yes"} {
			if i != 1 {
				cell = " " + cell + " "
			}
			rows[i] += cell + "|"
		}
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	if table := strings.Join(rows, "\n"); !strings.Contains(string(readme), table) {
		t.Errorf("README.md has not this table:\n%s", table)
	}
}

// seeCalls requires that calls of the server and of the client in it are told as
// they were.
func seeCalls(t *testing.T, r grpcRelease, kind targettest.Kind) {
	var args []string
	if kind.Stripped {
		args = append(args, "-ldflags=-s -w")
	}
	if kind.PIE {
		args = append(args, "-buildmode=pie")
	}
	binary := targettest.BuildHealth(t, r.grpc, r.toolchain, args...)
	h := observe(t, nil, TargetConfig{Executable: binary})
	target := targettest.Start(t, binary)
	h.awaitAttached(1)
	client, err := grpc.NewClient(strings.TrimPrefix(target.URL, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer client.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+callerTrace+"-"+callerSpan+"-01")
	health := grpc_health_v1.NewHealthClient(client)
	_, err = health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "nobody's"})
	require.Equal(t, codes.NotFound, status.Code(err))
	spans := h.awaitSpans(2, isRPC)
	for i, code := range []string{"OK", "NOT_FOUND"} {
		require.Equal(t, "grpc.health.v1.Health/Check", spans[i].Name(), r.shape)
		require.Equal(t, code, spans[i].attribute(events.RPCStatus), r.shape)
		require.Equal(t, callerSpan, spans[i].ParentSpanID().String(), r.shape)
	}
	for _, service := range []string{"stream", "calls"} {
		_, err = health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		require.NoError(t, err)
	}
	for i, span := range h.awaitSpans(3, isClient) {
		name, code := "no.such/Method", "UNIMPLEMENTED"
		if i == 2 {
			name, code = "grpc.health.v1.Health/Check", "OK"
		}
		require.Equal(t, name, span.Name())
		require.Equal(t, code, span.attribute(events.RPCStatus))
		require.Equal(t, code != "OK", span.Status().Code() == ptrace.StatusCodeError)
		require.Equal(t, callerTrace, span.TraceID().String())
		exactLedger(t, span)
	}
	for _, feature := range []plan.Feature{plan.RPCs, plan.RPCTraceContext, plan.RPCClients, plan.RPCClientStatus, plan.RPCStreams} {
		require.Zero(t, h.counter("probes_refused", "feature", string(feature)), "%s: %v", feature, h.said.All())
	}
}
