// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
)

func TestRPCs(t *testing.T) {
	for name, test := range map[string]struct {
		call       record.RPC
		spanName   string
		status     ptrace.StatusCode
		attributes map[string]any
	}{
		"done": {
			record.RPC{Span: record.Span{Header: identified(10, 30), Exact: true, Ledger: ledger.Ledger{ledger.Sleep: 20}}, Method: "/shop.v1.Fraud/Check"},
			"shop.v1.Fraud/Check", ptrace.StatusCodeUnset,
			map[string]any{"rpc.method": "shop.v1.Fraud/Check", "rpc.response.status_code": "OK", "fathom.time.sleep": int64(20),
				"fathom.time.unattributed": int64(0), "fathom.time.dominant": "sleep", "fathom.time.source": "exact"},
		},
		"the caller's mistake": {
			record.RPC{Span: record.Span{Header: identified(10, 30)}, Method: "/shop.v1.Fraud/Check", Status: 5},
			"shop.v1.Fraud/Check", ptrace.StatusCodeUnset,
			map[string]any{"rpc.method": "shop.v1.Fraud/Check", "rpc.response.status_code": "NOT_FOUND"},
		},
		"the server's": {
			record.RPC{Span: record.Span{Header: identified(10, 30)}, Method: "/shop.v1.Fraud/Check", Status: 13},
			"shop.v1.Fraud/Check", ptrace.StatusCodeError,
			map[string]any{"rpc.method": "shop.v1.Fraud/Check", "rpc.response.status_code": "INTERNAL", "error.type": "INTERNAL"},
		},
		"a method that nobody has": {
			record.RPC{Span: record.Span{Header: identified(10, 30)}, Method: "/etc/passwd", Status: 12},
			"grpc", ptrace.StatusCodeError,
			map[string]any{"rpc.method": "_OTHER", "rpc.method_original": "etc/passwd", "rpc.response.status_code": "UNIMPLEMENTED", "error.type": "UNIMPLEMENTED"},
		},
		"a code of no name": {
			record.RPC{Span: record.Span{Header: identified(10, 30)}, Method: "/a/b", Status: 99},
			"a/b", ptrace.StatusCodeUnset,
			map[string]any{"rpc.method": "a/b", "rpc.response.status_code": "99"},
		},
		"aborted": {
			record.RPC{Span: record.Span{Header: identified(10, 30)}, Method: "/a/b", Aborted: true, Status: 0xffffffff},
			"a/b", ptrace.StatusCodeError,
			map[string]any{"rpc.method": "a/b", "error.type": "aborted"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range map[string]any{"rpc.system.name": "grpc", "network.protocol.name": "http",
				"network.protocol.version": "2", "fathom.goroutine.id": int64(7)} {
				test.attributes[name] = value
			}
			span := onlySpan(t, &test.call)
			require.Equal(t, test.spanName, span.Name())
			require.Equal(t, test.status, span.Status().Code())
			require.Equal(t, test.attributes, span.Attributes().AsRaw())
			require.Equal(t, ptrace.SpanKindServer, span.Kind())
			require.Equal(t, [8]byte{3}, [8]byte(span.ParentSpanID()))
		})
	}
}

func TestClients(t *testing.T) {
	for name, test := range map[string]struct {
		request    record.Client
		spanName   string
		status     ptrace.StatusCode
		attributes map[string]any
	}{
		"answered": {
			record.Client{Method: "POST", Scheme: "https", Host: "shop.example:8443", Path: "/a b", Status: 204, Major: 2},
			"POST", ptrace.StatusCodeUnset,
			map[string]any{"http.request.method": "POST", "url.full": "https://shop.example:8443/a%20b", "server.address": "shop.example",
				"server.port": int64(8443), "http.response.status_code": int64(204), "network.protocol.version": "2"},
		},
		"without method and port": {
			record.Client{Scheme: "http", Host: "[::1]", Path: "/", Status: 200, Major: 1, Minor: 1},
			"GET", ptrace.StatusCodeUnset,
			map[string]any{"http.request.method": "GET", "url.full": "http://[::1]/", "server.address": "::1",
				"server.port": int64(80), "http.response.status_code": int64(200), "network.protocol.version": "1.1"},
		},
		"refused": {
			record.Client{Method: "BREW", Scheme: "http", Host: "pot:80", Path: "/", Status: 404, Major: 1},
			"HTTP", ptrace.StatusCodeError,
			map[string]any{"http.request.method": "_OTHER", "http.request.method_original": "BREW", "url.full": "http://pot:80/",
				"server.address": "pot", "server.port": int64(80), "http.response.status_code": int64(404), "error.type": "404", "network.protocol.version": "1.0"},
		},
		"failed": {
			record.Client{Method: "GET", Scheme: "ftp", Host: "nowhere", Failed: true},
			"GET", ptrace.StatusCodeError,
			map[string]any{"http.request.method": "GET", "url.full": "ftp://nowhere", "server.address": "nowhere", "error.type": "_OTHER"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Header = identified(10, 30)
			test.attributes["network.protocol.name"], test.attributes["fathom.goroutine.id"] = "http", int64(7)
			span := onlySpan(t, &test.request)
			require.Equal(t, test.spanName, span.Name())
			require.Equal(t, test.status, span.Status().Code())
			require.Equal(t, test.attributes, span.Attributes().AsRaw())
			require.Equal(t, ptrace.SpanKindClient, span.Kind())
		})
	}
}

func TestRPCClients(t *testing.T) {
	for name, test := range map[string]struct {
		call       record.RPCClient
		status     ptrace.StatusCode
		attributes map[string]any
	}{
		"done": {
			record.RPCClient{Target: "127.0.0.1:8083"}, ptrace.StatusCodeUnset,
			map[string]any{"server.address": "127.0.0.1", "server.port": int64(8083), "rpc.response.status_code": "OK"},
		},
		"refused": {
			record.RPCClient{Target: "dns://8.8.8.8/payment:8083", Status: 5}, ptrace.StatusCodeError,
			map[string]any{"server.address": "payment", "server.port": int64(8083), "rpc.response.status_code": "NOT_FOUND", "error.type": "NOT_FOUND"},
		},
		"failed in a way that is not known": {
			record.RPCClient{Target: "unix:///run/payment", Status: record.UnknownStatus}, ptrace.StatusCodeError,
			map[string]any{"server.address": "run/payment", "error.type": "_OTHER"},
		},
		"without a port": {
			record.RPCClient{Target: "payment"}, ptrace.StatusCodeUnset,
			map[string]any{"server.address": "payment", "rpc.response.status_code": "OK"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.call.Header, test.call.Method = identified(10, 30), "/shop.v1.Fraud/Check"
			for name, value := range map[string]any{"rpc.system.name": "grpc", "rpc.method": "shop.v1.Fraud/Check",
				"network.protocol.name": "http", "network.protocol.version": "2", "fathom.goroutine.id": int64(7)} {
				test.attributes[name] = value
			}
			span := onlySpan(t, &test.call)
			require.Equal(t, "shop.v1.Fraud/Check", span.Name())
			require.Equal(t, test.status, span.Status().Code())
			require.Equal(t, test.attributes, span.Attributes().AsRaw())
			require.Equal(t, ptrace.SpanKindClient, span.Kind())
		})
	}
}

func TestScrapes(t *testing.T) {
	for name, test := range map[string]struct {
		request record.Request
		scrape  bool
	}{
		"Prometheus":         {record.Request{Path: "/metrics", UserAgent: "Prometheus/3.7.1"}, true},
		"one that reads it":  {record.Request{Path: "/metrics", Accept: "application/openmetrics-text;version=1.0.0,text/plain"}, true},
		"a browser":          {record.Request{Path: "/metrics", UserAgent: "Mozilla/5.0", Accept: "text/html"}, false},
		"another path":       {record.Request{Path: "/metrics/", UserAgent: "Prometheus/3.7.1"}, false},
		"nothing else known": {record.Request{Path: "/metrics"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			kind, ok := onlySpan(t, &test.request).Attributes().Get("fathom.request.kind")
			require.Equal(t, test.scrape, ok)
			if ok {
				require.Equal(t, "scrape", kind.Str())
			}
		})
	}
}

func BenchmarkAddCall(b *testing.B) {
	span := record.Span{Header: identified(10, 30), Exact: true, Ledger: ledger.Ledger{ledger.Sleep: 20}}
	for name, call := range map[string]record.Record{
		"rpc":        &record.RPC{Span: span, Method: "/shop.v1.Fraud/Check"},
		"rpc client": &record.RPCClient{Span: span, Method: "/shop.v1.Fraud/Check", Target: "127.0.0.1:8083"},
		"client": &record.Client{Span: span, Method: "GET", Scheme: "http", Host: "127.0.0.1:8081", Path: "/stock/book",
			Status: 200, Major: 1, Minor: 1},
	} {
		b.Run(name, func(b *testing.B) {
			process, cycles := shop(), NewCycles()
			b.ReportAllocs()
			for b.Loop() {
				batch := newBatch(cycles)
				for range 64 {
					batch.Add(process, call)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/call")
		})
	}
}
