// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"net"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/events"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

// addRPCClient makes the client span of a unary gRPC call, by the semantic
// conventions for gRPC.
func (b *Batch) addRPCClient(span ptrace.Span, r *record.RPCClient) {
	b.identify(span, ptrace.SpanKindClient, &r.Header)
	attributes := span.Attributes()
	method := strings.TrimPrefix(r.Method, "/")
	span.SetName(method)
	attributes.PutStr(events.RPCSystem, rpcSystem)
	attributes.PutStr(events.RPCMethod, method)
	putHTTPVersion(attributes, 2, 0)
	putTarget(attributes, r.Target)
	if r.Status == record.UnknownStatus {
		putError(span, otherMethod)
	} else {
		code := grpcCode(r.Status)
		attributes.PutStr(events.RPCStatus, code)
		if r.Status != 0 {
			putError(span, code)
		}
	}
	putLedger(attributes, &r.Span)
}

// putTarget says what was dialled, "[scheme://[authority]/]endpoint", as gRPC
// takes it: https://github.com/grpc/grpc/blob/master/doc/naming.md.
func putTarget(attributes pcommon.Map, target string) {
	if _, after, ok := strings.Cut(target, "://"); ok {
		_, target, _ = strings.Cut(after, "/")
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		attributes.PutStr(events.ServerAddress, target)
		return
	}
	attributes.PutStr(events.ServerAddress, host)
	if number, err := strconv.ParseUint(port, 10, 16); err == nil {
		attributes.PutInt(events.ServerPort, int64(number))
	}
}
