// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// addRequest makes the server span of a request, by the semantic conventions
// for HTTP.
func (b *Batch) addRequest(span ptrace.Span, r *record.Request) {
	b.identify(span, ptrace.SpanKindServer, &r.Header)
	attributes := span.Attributes()
	method := putMethod(attributes, r.Method)
	attributes.PutStr(events.URLPath, r.Path)
	route := routeOf(r.Route)
	span.SetName(spanName(method, route))
	if route != "" {
		attributes.PutStr(events.Route, route)
	}
	putHTTPVersion(attributes, r.Major, r.Minor)
	switch {
	case r.Aborted:
		putError(span, "aborted")
		span.Status().SetMessage("the handler's goroutine ended before the response: it panicked")
	case r.Hijacked: // what was answered on the connection is not known
	default:
		attributes.PutInt(events.ResponseStatus, int64(status(r)))
	}
	if r.Status >= http.StatusInternalServerError {
		putError(span, strconv.Itoa(r.Status))
	}
	if isScrape(r) {
		attributes.PutStr(events.RequestKind, "scrape")
		if r.UserAgent != "" {
			attributes.PutStr(events.UserAgent, r.UserAgent)
		}
	}
	putLedger(attributes, &r.Span)
}

// isScrape tells a request of Prometheus, or of what reads metrics as it does.
func isScrape(r *record.Request) bool {
	return r.Path == "/metrics" &&
		(strings.HasPrefix(r.UserAgent, "Prometheus/") || strings.Contains(r.Accept, "openmetrics"))
}

// spanAttributes is room for those that most spans have, so that it is made once.
const spanAttributes = 20

// identify says which span it is, of what kind, and when it was.
func (b *Batch) identify(span ptrace.Span, kind ptrace.SpanKind, h *record.Header) {
	span.SetTraceID(h.TraceID)
	span.SetSpanID(h.SpanID)
	span.SetParentSpanID(h.ParentID)
	span.SetKind(kind)
	span.SetStartTimestamp(b.clock.Wall(h.Start))
	span.SetEndTimestamp(b.clock.Wall(h.End))
	span.Attributes().EnsureCapacity(spanAttributes)
	putInherited(span.Attributes(), h)
}

func putLedger(attributes pcommon.Map, s *record.Span) {
	attributes.PutInt(events.GoroutineID, int64(s.GoroutineID))
	putChildren(attributes, s)
	putSpent(attributes, s)
	if source, ok := s.Source(); ok {
		s.Ledger.Put(attributes, source)
	}
}

func putError(span ptrace.Span, kind string) {
	span.Attributes().PutStr(events.ErrorType, kind)
	span.Status().SetCode(ptrace.StatusCodeError)
}

// putMethod returns the method as span names have it.
func putMethod(attributes pcommon.Map, given string) string {
	method, original := knownMethod(given)
	attributes.PutStr(events.RequestMethod, method)
	if original != "" {
		attributes.PutStr(events.RequestMethodOriginal, original)
	}
	return method
}

// putHTTPVersion writes 1.0, 1.1, 2 or 3; nothing of the version where it is unknown.
func putHTTPVersion(attributes pcommon.Map, major, minor int) {
	attributes.PutStr(events.ProtocolName, "http")
	switch {
	case major == 1 && minor >= 0:
		attributes.PutStr(events.ProtocolVersion, "1."+strconv.Itoa(minor))
	case major > 1:
		attributes.PutStr(events.ProtocolVersion, strconv.Itoa(major))
	}
}

// status is the response's: net/http sends 200 where the handler set none.
func status(r *record.Request) int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// knownMethod is the method by the conventions: _OTHER, and the original, where
// it is none that they know.
func knownMethod(method string) (known, original string) {
	switch method {
	case "":
		return "GET", "" // net/http: for client requests, "" means GET
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return method, ""
	default:
		return "_OTHER", method
	}
}

// routeOf takes method and host off a ServeMux pattern, "[METHOD ][HOST]/[PATH]".
func routeOf(pattern string) string {
	if _, after, ok := strings.Cut(pattern, " "); ok {
		pattern = strings.TrimLeft(after, " \t")
	}
	if slash := strings.IndexByte(pattern, '/'); slash >= 0 {
		return pattern[slash:]
	}
	return ""
}

// spanName is "{method} {route}", where an unknown method is called HTTP.
func spanName(method, route string) string {
	if method == "_OTHER" {
		method = "HTTP"
	}
	if route == "" {
		return method
	}
	return method + " " + route
}
