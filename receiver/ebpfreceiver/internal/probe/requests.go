// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

// describeRequests is what the BPF programs know of gRPC and net/http in a process.
func describeRequests(d *spansProcess, p *plan.Plan) {
	rpc, http := p.Offsets.RPC, p.Offsets.HTTP
	d.Rpc.Stream = rpc.Stream
	if p.StreamBehind {
		d.Rpc.StreamBehind = 1
	}
	d.Rpc.Method = rpc.Method
	d.Rpc.Id = rpc.ID
	d.Rpc.Status = rpc.Status
	d.Rpc.Code = rpc.Code
	d.Rpc.FrameHeaders = rpc.FrameHeaders
	d.Rpc.FrameFields = rpc.FrameFields
	d.Rpc.FrameStream = rpc.FrameStream
	d.Rpc.Target = rpc.Target
	d.Rpc.ErrorStatus = rpc.ErrorStatus
	d.Rpc.Client, d.Rpc.Header, d.Rpc.Desc, d.Rpc.Attempt = rpc.Client, rpc.Header, rpc.Desc, rpc.Attempt
	d.Rpc.HeaderMethod = rpc.HeaderMethod
	d.Http.ProtoMinor = http.ProtoMinor
	d.Http.UrlScheme = http.URLScheme
	d.Http.UrlHost = http.URLHost
	d.Http.AnswerStatus = http.AnswerStatus
	d.Http.AnswerMajor = http.AnswerMajor
	d.Http.AnswerMinor = http.AnswerMinor
	d.Http.SpanKind = http.SpanKind
	d.Http.StackHi = http.StackHi
	for i, o := range p.Offsets.HTTP2 {
		into := &d.Http2[i]
		into.State, into.Status, into.Request = o.State, o.Status, o.Request
		if o.RequestBehind {
			into.RequestBehind = 1
		}
		into.Method, into.Url, into.Header, into.Pattern = o.Method, o.URL, o.Header, o.Pattern
	}
}

// streamKey is struct stream_key of bpf/rpc/rpc.bpf.c.
type streamKey struct {
	Transport uint64
	Stream    uint32
	TGID      uint32
}

// traceContext is struct trace_context of bpf/headers/traceparent.h.
type traceContext struct {
	TraceID [16]byte
	SpanID  [8]byte
	Flags   uint32
}

// clientStreamKey is struct client_stream_key of bpf/headers/client_stream.h.
type clientStreamKey struct {
	Stream uint64
	TGID   uint32
	_      uint32
}

// forgetClientStreams removes the streams that the process's gRPC clients have
// open, and returns how many they were.
func (a *Attachment) forgetClientStreams() (int, error) {
	return forgetOwn(a.programs.rpcs.ClientStreams, func(key clientStreamKey, _ *rpcclientsClientStream) bool { return key.TGID == a.pid })
}

// forgetStreams removes what callers of the process's streams said of their trace.
func (a *Attachment) forgetStreams() error {
	_, err := forgetOwn(a.programs.rpc.StreamContexts, func(key streamKey, _ *traceContext) bool { return key.TGID == a.pid })
	return err
}
