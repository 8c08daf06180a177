// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
)

func TestDecodeRPC(t *testing.T) {
	raw := header(kindRPC, rpcSize)
	put(raw, spanLedger, uint32(1), uint32(0))
	put(raw, rpcStatus, uint32(5), uint32(10))
	put(raw, rpcMethod, []byte("/shop.v1/Axxx"))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &RPC{Span: Span{Header: wantHeader(), Exact: true}, Status: 5, Method: "/shop.v1/A"}, got)

	put(raw, spanFlags, uint32(flagAborted))
	got, err = Decode(raw)
	require.NoError(t, err)
	require.True(t, got.(*RPC).Aborted)
}

// A ledger that comes from looks says nothing where there was none.
func TestDecodeSampledLedger(t *testing.T) {
	raw := header(kindRPC, rpcSize)
	put(raw, headerSize, uint64(3), uint64(4))
	put(raw, spanLedger, uint32(2))
	got, err := Decode(raw)
	require.NoError(t, err)
	span := got.(*RPC).Span
	require.True(t, span.Sampled)
	require.False(t, span.Exact)
	require.Equal(t, ledger.Ledger{ledger.Unattributed: 7}, span.Ledger)

	put(raw, spanLooks, uint32(2))
	got, err = Decode(raw)
	require.NoError(t, err)
	span = got.(*RPC).Span
	require.Equal(t, 2, span.Looks)
	require.Equal(t, ledger.Ledger{3, 4}, span.Ledger)
}

func TestDecodeClient(t *testing.T) {
	raw := header(kindClient, clientSize)
	put(raw, clientStatus, uint32(404), uint32(4), uint32(14), uint32(6), uint32(5), uint32(2), uint32(0))
	put(raw, clientMethod, []byte("POST"))
	put(raw, clientSchemeAt, []byte("https"))
	put(raw, clientHost, []byte("127.0.0.1:8080"))
	put(raw, clientPath, []byte("/stock"))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &Client{Span: Span{Header: wantHeader()}, Status: 404, Major: 2,
		Method: "POST", Scheme: "https", Host: "127.0.0.1:8080", Path: "/stock"}, got)

	put(raw, spanFlags, uint32(flagFailed))
	got, err = Decode(raw)
	require.NoError(t, err)
	require.True(t, got.(*Client).Failed)
}

func TestDecodeRPCClient(t *testing.T) {
	raw := header(kindRPCClient, callSize)
	put(raw, spanSize, uint32(14), uint32(10), uint32(12))
	put(raw, callMethod, []byte("/shop.v1/Axxx"))
	put(raw, callTarget, []byte("payment:8083xxx"))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &RPCClient{Span: Span{Header: wantHeader()}, Status: 14, Method: "/shop.v1/A", Target: "payment:8083"}, got)
	put(raw, spanFlags, uint32(flagNoLedger))
	got, err = Decode(raw)
	require.NoError(t, err)
	require.True(t, got.(*RPCClient).NoLedger)
}

func BenchmarkDecodeCall(b *testing.B) {
	for name, raw := range map[string][]byte{"rpc": header(kindRPC, rpcSize), "client": header(kindClient, clientSize)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
