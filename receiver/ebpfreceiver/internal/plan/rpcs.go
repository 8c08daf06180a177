// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// RPCOffsets are in bytes within the structs of gRPC and of HTTP/2 below it.
type RPCOffsets struct {
	// Stream is that of the Stream in a ServerStream, 0 where they are the same.
	Stream, Method, ID uint16
	// Status leads from gRPC's status to its message, Code to the code in that.
	Status, Code uint16
	// FrameHeaders and FrameFields are in a MetaHeadersFrame, FrameStream in a
	// HeadersFrame: the ID of the stream.
	FrameHeaders, FrameFields, FrameStream uint16
	// Target is in a ClientConn, ErrorStatus in the error that is a status.
	Target, ErrorStatus uint16
	// Client, Header, Desc and Attempt are in a clientStream, HeaderMethod in its
	// CallHdr.
	Client, Header, Desc, Attempt, HeaderMethod uint16
}

const (
	rpcStatus  = "google.golang.org/grpc/internal/status."
	rpcMessage = "google.golang.org/genproto/googleapis/rpc/status.Status"
)

const grpcTransport = "google.golang.org/grpc/internal/transport."

// rpcs plans calls on a gRPC server. The end of each, as gRPC says itself, is
// the write of its status, by the goroutine that handles it.
func (m *maker) rpcs() {
	status := m.linked(grpcTransport+"(*http2Server).writeStatus", grpcTransport+"(*http2Server).WriteStatus")
	if !m.probes(RPCs, map[Probe]string{
		RPCStarts:   "google.golang.org/grpc.(*Server).handleStream",
		RPCFinishes: status,
	}) {
		return
	}
	o := &m.plan.Offsets
	if !m.goroutineID(RPCs) || !m.stream() || !m.offsets(RPCs,
		want{goexec.Field{Type: grpcTransport + "Stream", Name: "method"}, &o.RPC.Method},
		want{goexec.Field{Type: grpcTransport + "Stream", Name: "id"}, &o.RPC.ID},
		want{goexec.Field{Type: rpcStatus + "Status", Name: "s"}, &o.RPC.Status},
		want{goexec.Field{Type: rpcMessage, Name: "Code"}, &o.RPC.Code},
	) {
		m.drop(RPCStarts, RPCFinishes)
		return
	}
	// Absent where nothing in the program serves gRPC by net/http.
	m.probes(RPCs, map[Probe]string{RPCFinishesHTTP: m.linked(
		grpcTransport+"(*serverHandlerTransport).writeStatus", grpcTransport+"(*serverHandlerTransport).WriteStatus")})
	m.rpcTraceContext()
}

// stream finds the Stream in what a handler is given: up to gRPC 1.68 a Stream,
// then a ServerStream that begins with a pointer to one, later with the Stream
// itself. Which of the two, the next field tells.
func (m *maker) stream() bool {
	o := &m.plan.Offsets.RPC
	if _, err := m.binary.Function(grpcTransport + "(*http2Server).writeStatus"); err != nil {
		o.Stream = 0
		return true
	}
	var next uint16
	if !m.offsets(RPCs,
		want{goexec.Field{Type: grpcTransport + "ServerStream", Name: "Stream"}, &o.Stream},
		want{goexec.Field{Type: grpcTransport + "ServerStream", Name: "st"}, &next},
	) {
		return false
	}
	const pointer = 8 // bytes
	m.plan.StreamBehind = next == o.Stream+pointer
	return true
}

// rpcTraceContext reads the caller's trace out of the header fields of a stream,
// before gRPC makes metadata of them.
func (m *maker) rpcTraceContext() {
	const http2 = "golang.org/x/net/http2."
	if !m.probes(RPCTraceContext, map[Probe]string{RPCHeaders: grpcTransport + "(*http2Server).operateHeaders"}) {
		return
	}
	o := &m.plan.Offsets.RPC
	var name, value, sensitive uint16
	if !m.offsets(RPCTraceContext,
		want{goexec.Field{Type: http2 + "MetaHeadersFrame", Name: "HeadersFrame"}, &o.FrameHeaders},
		want{goexec.Field{Type: http2 + "MetaHeadersFrame", Name: "Fields"}, &o.FrameFields},
		want{goexec.Field{Type: http2 + "HeadersFrame", Name: "FrameHeader.StreamID"}, &o.FrameStream},
		want{goexec.Field{Type: "golang.org/x/net/http2/hpack.HeaderField", Name: "Name"}, &name},
		want{goexec.Field{Type: "golang.org/x/net/http2/hpack.HeaderField", Name: "Value"}, &value},
		want{goexec.Field{Type: "golang.org/x/net/http2/hpack.HeaderField", Name: "Sensitive"}, &sensitive},
	) {
		m.drop(RPCHeaders)
		return
	}
	if err := m.knownHeaders(name, value, sensitive); err != nil {
		m.refuse(RPCTraceContext, err)
		m.drop(RPCHeaders)
	}
}

// knownHeaders: the program reads a slice of HeaderField by its one known layout
// (FIELD_SIZE of bpf/rpc/rpc.bpf.c), in the frame that is the fourth word among
// the arguments of operateHeaders since gRPC 1.60.
func (m *maker) knownHeaders(name, value, sensitive uint16) error {
	if name != 0 || value != 16 || sensitive != 32 {
		return fmt.Errorf("the layout of hpack.HeaderField is another: %d, %d, %d", name, value, sensitive)
	}
	version := m.binary.ModuleVersion("google.golang.org/grpc")
	var major, minor int
	if _, err := fmt.Sscanf(version, "v%d.%d.", &major, &minor); err != nil {
		return fmt.Errorf("%q is no release of gRPC", version)
	}
	if major != 1 || minor < 60 {
		return errors.New("gRPC " + version + " is older than v1.60, whose arguments are known")
	}
	return nil
}

// linked is the first of the functions that is linked into the binary, else the
// first of them.
func (m *maker) linked(names ...string) string {
	for _, name := range names {
		if _, err := m.binary.Function(name); err == nil {
			return name
		}
	}
	return names[0]
}
