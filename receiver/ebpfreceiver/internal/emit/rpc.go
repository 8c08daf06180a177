// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

const (
	rpcSystem = "grpc"
	// otherMethod stands for a method of which it is not known whether the server
	// has it, so that callers cannot make up names of spans.
	otherMethod = "_OTHER"
)

// addRPC makes the server span of a gRPC call, by the semantic conventions for
// gRPC.
func (b *Batch) addRPC(span ptrace.Span, r *record.RPC) {
	b.identify(span, ptrace.SpanKindServer, &r.Header)
	attributes := span.Attributes()
	attributes.PutStr(events.RPCSystem, rpcSystem)
	putHTTPVersion(attributes, 2, 0)
	method := strings.TrimPrefix(r.Method, "/")
	switch {
	case r.Aborted:
		putError(span, "aborted")
		span.Status().SetMessage("the handler's goroutine ended without a status: the connection was lost, or it panicked")
	default:
		code := grpcCode(r.Status)
		attributes.PutStr(events.RPCStatus, code)
		if isServerError(code) {
			putError(span, code)
		}
		if code == unimplemented {
			attributes.PutStr(events.RPCMethodOriginal, method)
			method = otherMethod
		}
	}
	attributes.PutStr(events.RPCMethod, method)
	if method == otherMethod {
		method = rpcSystem
	}
	span.SetName(method)
	putLedger(attributes, &r.Span)
}

const unimplemented = "UNIMPLEMENTED"

// grpcCode is the canonical name of a status code:
// https://grpc.github.io/grpc/core/md_doc_statuscodes.html.
func grpcCode(status uint32) string {
	names := [...]string{
		"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", unimplemented,
		"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
	}
	if int(status) < len(names) {
		return names[status]
	}
	return strconv.FormatUint(uint64(status), 10)
}

// isServerError: the conventions' codes for which a server's span is an error.
func isServerError(code string) bool {
	switch code {
	case "UNKNOWN", "DEADLINE_EXCEEDED", unimplemented, "INTERNAL", "UNAVAILABLE", "DATA_LOSS":
		return true
	}
	return false
}
