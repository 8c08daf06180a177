// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import "github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"

// HTTPOffsets are in bytes within the structs of net/http and net/url that
// clients, and details of requests, are read from.
type HTTPOffsets struct {
	ProtoMinor                             uint16
	URLScheme, URLHost                     uint16
	AnswerStatus, AnswerMajor, AnswerMinor uint16
	SpanKind                               uint16
	StackHi                                uint16
}

// clients plans the requests of net/http clients, over HTTP/1 and HTTP/2 alike:
// from the entry of send, which makes one round trip, to where its caller looks
// at the result. The function itself has no place at its end for a probe.
func (m *maker) clients() {
	const send, caller = "net/http.send", "net/http.(*Client).send"
	if !m.probes(Clients, map[Probe]string{ClientStarts: send}) {
		return
	}
	o := &m.plan.Offsets
	ends, err := m.afterCall(caller, send)
	if err != nil {
		m.refuse(Clients, err)
		m.drop(ClientStarts)
		return
	}
	if !m.outgoing(Clients) || !m.offsets(Clients,
		want{goexec.Field{Type: "net/http.Request", Name: "Method"}, &o.RequestMethod},
		want{goexec.Field{Type: "net/http.Request", Name: "URL"}, &o.RequestURL},
		want{goexec.Field{Type: "net/url.URL", Name: "Scheme"}, &o.HTTP.URLScheme},
		want{goexec.Field{Type: "net/url.URL", Name: "Host"}, &o.HTTP.URLHost},
		want{goexec.Field{Type: "net/url.URL", Name: "Path"}, &o.URLPath},
		want{goexec.Field{Type: "net/http.Response", Name: "StatusCode"}, &o.HTTP.AnswerStatus},
		want{goexec.Field{Type: "net/http.Response", Name: "ProtoMajor"}, &o.HTTP.AnswerMajor},
		want{goexec.Field{Type: "net/http.Response", Name: "ProtoMinor"}, &o.HTTP.AnswerMinor},
	) {
		m.drop(ClientStarts)
		return
	}
	m.plan.Probes[ClientFinishes] = ends
}

// outgoing is what all clients need: frames on the stack, and an SDK's client
// spans told from its others, since below those none is made.
func (m *maker) outgoing(feature Feature) bool {
	const span = "go.opentelemetry.io/otel/sdk/trace.recordingSpan"
	o := &m.plan.Offsets.HTTP
	return m.goroutineID(feature) &&
		m.offsets(feature, want{goexec.Field{Type: "runtime.g", Name: "stack.hi"}, &o.StackHi}) &&
		(!m.plan.Has(SDKSpanStarts) || m.offsets(feature, want{goexec.Field{Type: span, Name: "spanKind"}, &o.SpanKind}))
}

func (m *maker) afterCall(caller, callee string) (uint64, error) {
	from, err := m.binary.Function(caller)
	if err != nil {
		return 0, err
	}
	to, err := m.binary.Function(callee)
	if err != nil {
		return 0, err
	}
	return m.binary.AfterCall(from, to)
}
