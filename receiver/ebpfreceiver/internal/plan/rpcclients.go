// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// rpcClients plans the unary calls of gRPC clients: from the entry of invoke to
// that of the stream's finish, which every stream that came to be gets; where
// none did, to where invoke learns of that.
func (m *maker) rpcClients() {
	const grpc = "google.golang.org/grpc."
	if !m.probes(RPCClients, map[Probe]string{
		RPCClientStarts:   grpc + "invoke",
		RPCClientFinishes: grpc + "(*clientStream).finish",
	}) {
		return
	}
	begun, err := m.afterCall(grpc+"invoke", grpc+"newClientStream")
	eof, eofErr := m.binary.Symbol("io.EOF") // tells success, which may come with it
	err = errors.Join(err, eofErr)
	if err != nil {
		m.refuse(RPCClients, err)
	}
	if err != nil || !m.outgoing(RPCClients) || !m.offsets(RPCClients,
		want{goexec.Field{Type: grpc + "ClientConn", Name: "target"}, &m.plan.Offsets.RPC.Target},
	) {
		m.drop(RPCClientStarts, RPCClientFinishes)
		return
	}
	m.plan.Probes[RPCClientBegun] = begun
	m.plan.EOF = eof.Addr
	m.rpcClientStatus()
	m.rpcStreams()
}

// rpcStreams plans the streams of gRPC clients: from where a stream's first
// attempt is made, by the goroutine that creates it, to the entry of its finish,
// on any goroutine; where it could not be created, to where that is learnt.
func (m *maker) rpcStreams() {
	const grpc, stream = "google.golang.org/grpc.", "google.golang.org/grpc.clientStream"
	if !m.probes(RPCStreams, map[Probe]string{RPCStreamStarts: grpc + "(*clientStream).newAttemptLocked"}) {
		return
	}
	begun, err := m.afterCall(grpc+"newClientStreamWithParams", grpc+"(*clientStream).withRetry")
	unary, symbolErr := m.binary.Symbol(grpc + "unaryStreamDesc")
	if err = errors.Join(err, symbolErr); err != nil {
		m.refuse(RPCStreams, err)
	}
	o := &m.plan.Offsets.RPC
	if err != nil || !m.offsets(RPCStreams,
		want{goexec.Field{Type: stream, Name: "cc"}, &o.Client},
		want{goexec.Field{Type: stream, Name: "callHdr"}, &o.Header},
		want{goexec.Field{Type: stream, Name: "desc"}, &o.Desc},
		want{goexec.Field{Type: stream, Name: "attempt"}, &o.Attempt},
		want{goexec.Field{Type: grpcTransport + "CallHdr", Name: "Method"}, &o.HeaderMethod},
	) {
		m.drop(RPCStreamStarts)
		return
	}
	m.plan.Probes[RPCStreamBegun] = begun
	m.plan.UnaryDesc = unary.Addr
}

// rpcClientStatus reads the code out of an error, if it is known to be a status:
// by the table of methods that makes it an error, which has a symbol.
func (m *maker) rpcClientStatus() {
	o := &m.plan.Offsets.RPC
	itab, err := m.binary.Symbol("go:itab.*" + rpcStatus + "Error,error")
	if err != nil {
		m.refuse(RPCClientStatus, err)
		return
	}
	if m.offsets(RPCClientStatus,
		want{goexec.Field{Type: rpcStatus + "Error", Name: "s"}, &o.ErrorStatus},
		want{goexec.Field{Type: rpcStatus + "Status", Name: "s"}, &o.Status},
		want{goexec.Field{Type: rpcMessage, Name: "Code"}, &o.Code},
	) {
		m.plan.RPCErrors = itab.Addr
	}
}
