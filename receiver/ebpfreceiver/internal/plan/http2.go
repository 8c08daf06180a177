// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
)

// HTTP2Offsets are in bytes within the structs of one HTTP/2 server.
type HTTP2Offsets struct {
	// State leads from a responseWriter to its responseWriterState.
	State uint16
	// Status and Request are in that. RequestBehind: it points to the request.
	Status, Request uint16
	RequestBehind   bool
	// Method, URL, Header and Pattern are in the request, which has no Pattern
	// where that is Unknown.
	Method, URL, Header, Pattern uint16
}

// http2Servers is how many HTTP/2 servers one process can have: that of
// net/http, and golang.org/x/net/http2. HTTP2_SERVERS of bpf/headers/process.h.
const http2Servers = 2

// http2Server is one of them, by its names.
type http2Server struct {
	starts, finishes Probe
	handles, done    string // functions
	writer, state    string // types
	request          string // a type
}

// standardHTTP2 is that of net/http, which is a package of its own since Go 1.27.
func standardHTTP2(version goVersion) http2Server {
	s := http2Server{
		starts: HTTP2Starts, finishes: HTTP2Finishes,
		handles: "net/http.(*http2serverConn).runHandler", done: "net/http.(*http2responseWriter).handlerDone",
		writer: "net/http.http2responseWriter", state: "net/http.http2responseWriterState", request: "net/http.Request",
	}
	if !version.less(1, 27) {
		const own = "net/http/internal/http2."
		s.handles, s.done = own+"(*serverConn).runHandler", own+"(*responseWriter).handlerDone"
		s.writer, s.state, s.request = own+"responseWriter", own+"responseWriterState", own+"ServerRequest"
	}
	return s
}

// moduleHTTP2 is that of golang.org/x/net, which is linked where it serves,
// but not with Go 1.27: there it hands over to net/http.
func moduleHTTP2() http2Server {
	const own = "golang.org/x/net/http2."
	return http2Server{
		starts: HTTP2ModuleStarts, finishes: HTTP2ModuleFinishes,
		handles: own + "(*serverConn).runHandler", done: own + "(*responseWriter).handlerDone",
		writer: own + "responseWriter", state: own + "responseWriterState", request: "net/http.Request",
	}
}

// http2 plans requests over HTTP/2: from where the goroutine of a stream begins
// to handle it to where the handler has returned. All servers that are linked, or
// none, so that it is known of which requests there is no span.
func (m *maker) http2(version goVersion) {
	servers := []http2Server{standardHTTP2(version), moduleHTTP2()}
	linked := 0
	for i, server := range servers {
		if _, err := m.binary.Function(server.handles); errors.Is(err, goexec.ErrNoFunction) {
			continue
		}
		linked++
		if !m.http2Server(version, server, &m.plan.Offsets.HTTP2[i]) {
			m.drop(HTTP2Starts, HTTP2Finishes, HTTP2ModuleStarts, HTTP2ModuleFinishes)
			return
		}
	}
	m.plan.HTTP2 = linked > 0
}

func (m *maker) http2Server(version goVersion, s http2Server, into *HTTP2Offsets) bool {
	if !version.less(1, 28) {
		m.refuse(HTTP2, fmt.Errorf("the arguments of functions of %s are not known", m.plan.GoVersion))
		return false
	}
	if !m.probes(HTTP2, map[Probe]string{s.starts: s.handles, s.finishes: s.done}) {
		return false
	}
	var next uint16
	if !m.goroutineID(HTTP2) || !m.offsets(HTTP2,
		want{goexec.Field{Type: s.writer, Name: "rws"}, &into.State},
		want{goexec.Field{Type: s.state, Name: "status"}, &into.Status},
		want{goexec.Field{Type: s.state, Name: "req"}, &into.Request},
		want{goexec.Field{Type: s.state, Name: "conn"}, &next},
		want{goexec.Field{Type: s.request, Name: "Method"}, &into.Method},
		want{goexec.Field{Type: s.request, Name: "URL"}, &into.URL},
		want{goexec.Field{Type: s.request, Name: "Header"}, &into.Header},
		want{goexec.Field{Type: "net/url.URL", Name: "Path"}, &m.plan.Offsets.URLPath},
	) {
		return false
	}
	const pointer = 8 // bytes
	into.RequestBehind = next == into.Request+pointer
	if behind := s.request == "net/http.Request"; into.RequestBehind != behind {
		m.refuse(HTTP2, fmt.Errorf("%s.req is no %s", s.state, s.request))
		return false
	}
	if into.RequestBehind {
		into.Pattern = m.plan.Offsets.RequestPattern
	}
	return true
}
