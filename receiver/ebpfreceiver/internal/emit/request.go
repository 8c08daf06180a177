// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// addRequest makes the server span of a request, by the semantic conventions
// for HTTP.
func (b *Batch) addRequest(span ptrace.Span, r *record.Request) {
	span.SetTraceID(r.TraceID)
	span.SetSpanID(r.SpanID)
	span.SetParentSpanID(r.ParentID)
	span.SetKind(ptrace.SpanKindServer)
	span.SetStartTimestamp(b.clock.Wall(r.Start))
	span.SetEndTimestamp(b.clock.Wall(r.End))

	attributes := span.Attributes()
	method, original := knownMethod(r.Method)
	attributes.PutStr(events.RequestMethod, method)
	if original != "" {
		attributes.PutStr(events.RequestMethodOriginal, original)
	}
	attributes.PutStr(events.URLPath, r.Path)
	route := routeOf(r.Route)
	span.SetName(spanName(method, route))
	if route != "" {
		attributes.PutStr(events.Route, route)
	}
	switch {
	case r.Aborted:
		attributes.PutStr(events.ErrorType, "aborted")
		span.Status().SetCode(ptrace.StatusCodeError)
		span.Status().SetMessage("the handler's goroutine ended before the response: it panicked")
	case r.Hijacked: // what was answered on the connection is not known
	default:
		attributes.PutInt(events.ResponseStatus, int64(status(r)))
	}
	if r.Status >= http.StatusInternalServerError {
		attributes.PutStr(events.ErrorType, strconv.Itoa(r.Status))
		span.Status().SetCode(ptrace.StatusCodeError)
	}
	attributes.PutInt(events.GoroutineID, int64(r.GoroutineID))
	if r.Exact {
		r.Ledger.Put(attributes, ledger.Exact)
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
