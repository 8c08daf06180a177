// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

const concurrent = 200

// callerOf numbers the spans of callers.
func callerOf(i int) (span [8]byte) {
	binary.BigEndian.PutUint64(span[:], uint64(i+1))
	return span
}

func traceparent(i int) string {
	span := callerOf(i)
	return "00-4bf92f3577b34da6a3ce929d0e0e4736-" + hex.EncodeToString(span[:]) + "-01"
}

// Many calls at once: each is told once, below its own caller, and nothing of
// them stays.
func TestManyCallsAtOnce(t *testing.T) {
	programs, server := attachedTo(t, targettest.BuildCalls(t), Options{}, nil)
	body, _, err := server.Get("/addresses", nil)
	require.NoError(t, err)
	var addresses map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &addresses))
	var group errgroup.Group
	for _, name := range []string{"plain", "workers"} {
		client, err := grpc.NewClient(addresses[name], grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		for i := range concurrent {
			group.Go(func() error {
				ctx := metadata.AppendToOutgoingContext(context.Background(), "traceparent", traceparent(i))
				return client.Invoke(ctx, "/fathom.test.Calls/Unary", wrapperspb.String("sleep"), &wrapperspb.StringValue{})
			})
		}
	}
	require.NoError(t, group.Wait())
	told := map[[8]byte]int{}
	for _, r := range readAll(t, programs) {
		if call, ok := r.(*record.RPC); ok {
			told[call.ParentID]++
			require.Equal(t, call.End-call.Start, call.Ledger.Total())
			require.Zero(t, call.Status)
		}
	}
	require.Len(t, told, concurrent)
	for i := range concurrent {
		require.Equal(t, 2, told[callerOf(i)], "one of each server")
	}
	requireNothingStays(t, programs)
}

// Many requests at once that send one each: every client span has its own
// server span as parent.
func TestManyRequestsThatSend(t *testing.T) {
	programs, server := attachedTo(t, targettest.BuildCalls(t), Options{}, nil)
	var group errgroup.Group
	path := "/get?url=" + url.QueryEscape(server.URL+"/metrics")
	for i := range concurrent {
		group.Go(func() error {
			_, _, err := server.Get(path, map[string][]string{"Traceparent": {traceparent(i)}})
			return err
		})
	}
	require.NoError(t, group.Wait())
	servers, clients := map[[8]byte][8]byte{}, map[[8]byte]int{}
	for _, r := range readAll(t, programs) {
		switch r := r.(type) {
		case *record.Request:
			if r.Path == "/get" {
				servers[r.ParentID] = r.SpanID
			}
		case *record.Client:
			clients[r.ParentID]++
			require.Equal(t, 200, r.Status)
		}
	}
	require.Len(t, servers, concurrent)
	require.Len(t, clients, concurrent)
	for i := range concurrent {
		require.Equal(t, 1, clients[servers[callerOf(i)]])
	}
	requireNothingStays(t, programs)
}

// requireNothingStays waits until no goroutine is in a span any more, nor any
// stream between its headers and its handler.
func requireNothingStays(t *testing.T, programs *Programs) {
	t.Helper()
	var key goroutineKey
	var value spansGoroutine
	require.Eventually(t, func() bool { return !programs.spans.Goroutines.Iterate().Next(&key, &value) }, time.Minute, 20*time.Millisecond,
		"a goroutine's entry stays")
	var stream streamKey
	var context traceContext
	require.False(t, programs.rpc.StreamContexts.Iterate().Next(&stream, &context), fmt.Sprint(stream))
	var opened clientStreamKey
	var open rpcclientsClientStream
	require.False(t, programs.rpcs.ClientStreams.Iterate().Next(&opened, &open), fmt.Sprint(opened))
	values := counters(t, programs)
	require.Zero(t, values[UnfinishedSpans])
	require.Zero(t, values[EndedElsewhere])
	require.Zero(t, values[DroppedSpansNested])
}
