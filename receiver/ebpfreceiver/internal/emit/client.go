// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"net"
	"net/http"
	"net/url"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// addClient makes the client span of a request that was sent, by the semantic
// conventions for HTTP.
func (b *Batch) addClient(span ptrace.Span, r *record.Client) {
	b.identify(span, ptrace.SpanKindClient, &r.Header)
	attributes := span.Attributes()
	span.SetName(spanName(putMethod(attributes, r.Method), ""))
	putAddress(attributes, r)
	if r.Failed {
		attributes.PutStr(events.ProtocolName, "http")
		putError(span, "_OTHER")
		span.Status().SetMessage("there was an error instead of an answer")
	} else {
		putHTTPVersion(attributes, r.Major, r.Minor)
		attributes.PutInt(events.ResponseStatus, int64(r.Status))
		if r.Status >= http.StatusBadRequest {
			putError(span, strconv.Itoa(r.Status))
		}
	}
	putLedger(attributes, &r.Span)
}

// putAddress says where the request went: with neither the query, which may hold
// secrets, nor a user's name and password, which the receiver does not read.
func putAddress(attributes pcommon.Map, r *record.Client) {
	full := url.URL{Scheme: r.Scheme, Host: r.Host, Path: r.Path}
	attributes.PutStr(events.URLFull, full.String())
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = full.Hostname()
		port = map[string]string{"http": "80", "https": "443"}[r.Scheme]
	}
	attributes.PutStr(events.ServerAddress, host)
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		attributes.PutInt(events.ServerPort, int64(number))
	}
}
