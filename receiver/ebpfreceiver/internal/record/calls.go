// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

// RPC is the end of a call on a gRPC server.
type RPC struct {
	Span
	// Aborted: the goroutine ended without a status, as when the connection was
	// lost. Status is unknown.
	Aborted bool
	// Status is of google.golang.org/grpc/codes.
	Status uint32
	// Method is /package.Service/Method, cut at 127 bytes.
	Method string
}

// Client is one request that a net/http client sent, up to the header of its answer.
type Client struct {
	Span
	// Failed: there was an error instead of an answer.
	Failed bool
	Status int
	// Major and Minor are the HTTP version of the answer.
	Major, Minor int
	Method       string
	Scheme       string
	// Host, with its port, and Path are cut at 127 bytes.
	Host, Path string
}

// RPCClient is the end of a call that a gRPC client made, unary or a stream.
type RPCClient struct {
	Span
	// NoLedger:  it did not end on the goroutine on which it began, which is that
	// of the header. It has no ledger.
	NoLedger bool
	// Status is of google.golang.org/grpc/codes, UnknownStatus of an error that
	// is no status or not known to be one.
	Status uint32
	// Method is /package.Service/Method, Target what the program dialled; both
	// are cut at 127 bytes.
	Method, Target string
}

// UnknownStatus is that of a call which failed without a known status.
const UnknownStatus = 0xffffffff

// Sizes and offsets in bytes: bpf/headers/records.h.
const (
	rpcStatus       = spanSize
	rpcMethodLength = rpcStatus + 4
	rpcMethod       = rpcStatus + 8
	rpcSize         = rpcMethod + pathSize
	clientStatus    = spanSize
	clientLengths   = clientStatus + 4
	clientScheme    = clientStatus + 16
	clientMajor     = clientScheme + 4
	clientMethod    = clientStatus + 32
	clientSchemeAt  = clientMethod + methodSize
	clientHost      = clientSchemeAt + methodSize
	clientPath      = clientHost + pathSize
	clientSize      = clientPath + pathSize
	callMethod      = spanSize + 16
	callTarget      = callMethod + pathSize
	callSize        = callTarget + pathSize
	flagFailed      = 1
	flagNoLedger    = 2
	kindRPC         = 5
	kindClient      = 6
	kindRPCClient   = 7
)

func decodeRPC(raw []byte) *RPC {
	return &RPC{
		Span:    decodeSpan(raw),
		Aborted: u32(raw, spanFlags)&flagAborted != 0,
		Status:  u32(raw, rpcStatus),
		Method:  text(raw, rpcMethod, pathSize, u32(raw, rpcMethodLength)),
	}
}

func decodeRPCClient(raw []byte) *RPCClient {
	return &RPCClient{
		Span:     decodeSpan(raw),
		NoLedger: u32(raw, spanFlags)&flagNoLedger != 0,
		Status:   u32(raw, spanSize),
		Method:   text(raw, callMethod, pathSize, u32(raw, spanSize+4)),
		Target:   text(raw, callTarget, pathSize, u32(raw, spanSize+8)),
	}
}

func decodeClient(raw []byte) *Client {
	return &Client{
		Span:   decodeSpan(raw),
		Failed: u32(raw, spanFlags)&flagFailed != 0,
		Status: int(int32(u32(raw, clientStatus))),
		Major:  int(int32(u32(raw, clientMajor))),
		Minor:  int(int32(u32(raw, clientMajor+4))),
		Method: text(raw, clientMethod, methodSize, u32(raw, clientLengths)),
		Scheme: text(raw, clientSchemeAt, methodSize, u32(raw, clientScheme)),
		Host:   text(raw, clientHost, pathSize, u32(raw, clientLengths+4)),
		Path:   text(raw, clientPath, pathSize, u32(raw, clientLengths+8)),
	}
}
