// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

func calls(t *testing.T) Binary {
	t.Helper()
	b, err := goexec.Open(targettest.BuildCalls(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestForAServerOfGRPC(t *testing.T) {
	p := For(calls(t))
	require.Empty(t, p.Refused)
	require.NotContains(t, fmt.Sprint(p.Offsets.RPC, p.Offsets.HTTP), "65535")
	require.False(t, p.StreamBehind, "since gRPC 1.77")
	for _, probe := range []Probe{RPCHeaders, RPCStarts, RPCFinishes, ClientStarts, ClientFinishes, RequestStarts,
		RPCClientStarts, RPCClientBegun, RPCClientFinishes, RPCStreamStarts, RPCStreamBegun} {
		require.True(t, p.Has(probe), probe)
	}
}

func TestWhatIsNotProvenOfRequestsIsLeftOut(t *testing.T) {
	real := calls(t)
	const status, send = grpcTransport + "(*http2Server).writeStatus", "net/http.(*Client).send"
	for name, test := range map[string]struct {
		binary  partial
		refused []Feature
		without []Probe
	}{
		"no end of calls": {partial{functions: map[string]error{status: goexec.ErrNoFunction}},
			[]Feature{RPCs}, []Probe{RPCStarts, RPCFinishes, RPCHeaders}},
		"no message of the status": {partial{fields: map[string]bool{"google.golang.org/genproto/googleapis/rpc/status.Status.Code": true}},
			[]Feature{RPCs, RPCClientStatus}, []Probe{RPCStarts, RPCFinishes, RPCHeaders}},
		"no frames": {partial{fields: map[string]bool{"golang.org/x/net/http2.MetaHeadersFrame.Fields": true}},
			[]Feature{RPCTraceContext}, []Probe{RPCHeaders}},
		"a gRPC of other arguments": {partial{modules: map[string]string{"google.golang.org/grpc": "v1.59.0"}},
			[]Feature{RPCTraceContext}, []Probe{RPCHeaders}},
		"a gRPC of no release": {partial{modules: map[string]string{"google.golang.org/grpc": ""}},
			[]Feature{RPCTraceContext}, []Probe{RPCHeaders}},
		"no place after the round trip": {partial{functions: map[string]error{send: goexec.ErrNoFunction}},
			[]Feature{Clients}, []Probe{ClientStarts, ClientFinishes}},
		"no answer": {partial{fields: map[string]bool{"net/http.Response.StatusCode": true}},
			[]Feature{Clients}, []Probe{ClientStarts, ClientFinishes}},
		"no kinds of SDK spans": {partial{fields: map[string]bool{"go.opentelemetry.io/otel/sdk/trace.recordingSpan.spanKind": true}},
			[]Feature{SDKSpanContents, Clients, RPCClients}, []Probe{ClientStarts, ClientFinishes, RPCClientStarts}},
		"no symbols": {partial{noSymbols: true}, []Feature{GCCycles, RPCClients, SpanAllocations}, []Probe{AllocationSampled, RPCClientStarts, RPCClientBegun, RPCClientFinishes}},
		"no attempts of streams": {partial{functions: map[string]error{"google.golang.org/grpc.(*clientStream).withRetry": goexec.ErrNoFunction}},
			[]Feature{RPCStreams}, []Probe{RPCStreamStarts, RPCStreamBegun}},
		"streams of another shape": {partial{fields: map[string]bool{"google.golang.org/grpc.clientStream.attempt": true}},
			[]Feature{RPCStreams}, []Probe{RPCStreamStarts, RPCStreamBegun}},
		"no stream of a call": {partial{functions: map[string]error{"google.golang.org/grpc.newClientStream": goexec.ErrNoFunction}},
			[]Feature{RPCClients}, []Probe{RPCClientStarts, RPCClientBegun, RPCClientFinishes}},
	} {
		t.Run(name, func(t *testing.T) {
			test.binary.Binary = real
			p := For(&test.binary)
			require.Equal(t, test.refused, features(p))
			for _, probe := range test.without {
				require.False(t, p.Has(probe), probe)
			}
		})
	}
}

func TestOnlySomeProtocols(t *testing.T) {
	whole := For(calls(t))
	only := whole.Only([]Protocol{GRPC})
	require.True(t, only.Has(RPCStarts))
	require.True(t, only.Has(GoroutineStatus))
	require.False(t, only.Has(RequestStarts))
	require.False(t, only.Has(ClientStarts))
	require.True(t, whole.Has(RequestStarts), "the whole stays as it was")
	require.Equal(t, whole.Probes, whole.Only(Protocols()).Probes)
	for probe := range protocols() {
		require.False(t, whole.Only(nil).Has(probe), probe)
	}
}

// A server of nothing but gRPC is sampled like any other, and has no probe that
// is for spans alone where gRPC is left out.
func TestAServerOfNothingButGRPC(t *testing.T) {
	const sdk = "go.opentelemetry.io/otel/sdk/trace."
	absent := map[string]error{}
	for _, name := range []string{
		"net/http.serverHandler.ServeHTTP", "net/http.(*response).finishRequest",
		standardHTTP2(goVersion{1, 26}).handles,
		sdk + "(*tracer).Start", sdk + "(*recordingSpan).runtimeTrace", sdk + "(*recordingSpan).End",
	} {
		absent[name] = goexec.ErrNoFunction
	}
	p := For(&partial{Binary: calls(t), functions: absent})
	require.True(t, p.Has(RPCStarts))
	require.True(t, p.Has(GoroutineStatus))
	require.True(t, p.Sampled)

	others := p.Only([]Protocol{HTTP})
	for _, probe := range []Probe{GoroutineStatus, GoroutinePreempted, GoroutineEnds, ClientStarts, RPCClientStarts} {
		require.False(t, others.Has(probe), probe)
	}
	require.True(t, others.Has(WorldStops))
}
